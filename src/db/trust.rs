//! What a session may look at without running somebody else's code with its own rights.
//!
//! Reading runs code: planning a plain `SELECT`, or an `EXPLAIN`, executes functions that the owner of a table has put
//! into its indexes, statistics or children, as whoever reads. So a session with great rights first looks into the
//! catalogues, and reads and calls only what belongs to somebody who has these rights anyway. A session without great
//! rights has nothing that such code could take, and is not held up.

use crate::connect::Session;
use crate::db::service::{self, ServerFacts};
use crate::model::reading::Unavailable;
use serde::Deserialize;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgTransaction, postgres::PgRow};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    ops::{Deref, DerefMut},
};
use tokio_postgres::{Client, SimpleQueryMessage};

/// The question whose answer is a [`Trust`]: one text, or NULL.
pub const QUESTION: &str = include_str!("trust.sql");

/// The same of a session that had no great rights a moment ago: whether it has any now. To plan the whole question takes
/// the server longer than all the rest of a poll.
const RIGHTS_NOW: &str = "
SELECT CASE WHEN EXISTS (
    SELECT FROM pg_catalog.pg_roles g
    WHERE (g.rolsuper OR g.rolcreaterole
           OR g.rolname IN ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files'))
      AND (pg_catalog.pg_has_role(session_user, g.oid, 'MEMBER')
        OR pg_catalog.pg_has_role(current_user, g.oid, 'MEMBER')))
THEN 'look' END";

/// What keeps a stranger's functions and operators out of a statement's names.
pub const SEARCH_PATH: &str = "SET LOCAL search_path = pg_catalog, pg_temp";

/// The same for a whole transaction, and how its later statements read strings.
pub const PINNED: &str = "SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL standard_conforming_strings = on";

/// Words of the error that says that a name means something else by now.
pub(super) const REPLACED: &str = "refreshtop: replaced meanwhile: ";

/// Something that a program of ours reads or calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// A function of schema `refreshtop`, by its name without the schema.
    Function(&'static str),
    /// A table or a view, by its name with the schema.
    Relation(&'static str),
    /// The functions of `pg_cron`.
    Cron,
}

/// The refresh log.
pub const LOG: Thing = Thing::Relation("public.metrics_refresh_log");
/// The materialized view.
pub const VIEW: Thing = Thing::Relation("public.platform_metrics");
/// The jobs of `pg_cron`.
pub const CRON_JOB: Thing = Thing::Relation("cron.job");
/// Their executions.
pub const CRON_RUNS: Thing = Thing::Relation("cron.job_run_details");

/// What the statement `sql` reads or calls of `pg_cron`, and of refreshtop's functions about it.
pub(super) fn of_cron(sql: &str) -> Vec<Thing> {
    let known = [
        ("refreshtop.cron_settings(", Thing::Function("cron_settings")),
        ("refreshtop.cron_facts(", Thing::Function("cron_facts")),
        ("refreshtop.cron_job(", Thing::Function("cron_job")),
        ("cron.job_run_details", CRON_RUNS),
        ("cron.job ", CRON_JOB),
    ];
    known.into_iter().filter(|(words, _)| sql.contains(words)).map(|(_, thing)| thing).collect()
}

/// Why something is not looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not there. Said here, not by the server: what comes into being meanwhile was not judged.
    #[error("{0} does not exist")]
    Missing(String),
    /// It belongs to somebody who could gain by it.
    #[error("{}; {}", .0.reason, .0.mend)]
    Stranger(Unavailable),
}

impl From<Refusal> for sqlx::Error {
    fn from(refusal: Refusal) -> Self {
        Self::Configuration(Box::new(refusal))
    }
}

/// The refusal inside `failure`.
#[must_use]
pub fn refusal(failure: &sqlx::Error) -> Option<&Refusal> {
    match failure {
        sqlx::Error::Configuration(source) => source.downcast_ref(),
        _ => None,
    }
}

/// What a session may look at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trust(Option<Catalogue>);

/// What the catalogues say to a session with great rights.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
struct Catalogue {
    /// Who logged in.
    role: String,
    /// Whether there is a role `refreshtop_admin`.
    admin: bool,
    /// Whether a superuser made `refreshtop_owner`, or the session's own role is a member of it.
    known: bool,
    /// Members of `refreshtop_owner` that are no superusers, nor the session's own role.
    members: Vec<String>,
    schemas: BTreeMap<String, Schema>,
    functions: BTreeMap<String, Function>,
    relations: BTreeMap<String, Relation>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Schema {
    owner: String,
    trusted: bool,
    /// Whether its owner is trusted, and nobody else may create in it.
    closed: bool,
}

/// All functions of one name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Function {
    /// An owner that is not trusted.
    owner: Option<String>,
    trusted: bool,
    definer: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the catalogues' own facts")]
struct Relation {
    oid: i64,
    kind: String,
    owner: String,
    trusted: bool,
    rules: bool,
    children: bool,
    /// Columns of types that did not come with the server.
    types: bool,
    /// Whether it is a part of `pg_cron`.
    extension: bool,
}

impl Trust {
    /// Reads the answer to [`QUESTION`].
    ///
    /// # Errors
    /// It has another form: then nothing is trusted.
    pub fn read(answer: Option<&str>) -> Result<Self, serde_json::Error> {
        answer.map(serde_json::from_str).transpose().map(Self)
    }

    /// Reads the column `trust` of a row.
    pub(super) fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let answer = service::text(row, "trust")?;
        if answer.as_deref() == Some("look") {
            return Ok(Self::of_nothing());
        }
        Self::read(answer.as_deref()).map_err(|failure| sqlx::Error::Decode(failure.into()))
    }

    /// Asks on a session by itself.
    ///
    /// # Errors
    /// The connection's: any role may ask.
    pub async fn of(connection: &mut PgConnection) -> sqlx::Result<Self> {
        let sql = format!("{SEARCH_PATH}; {QUESTION}");
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await?;
        Self::from_row(rows.first().ok_or(sqlx::Error::RowNotFound)?)
    }

    /// The same on a session of the other driver. An answer that can't be read is no leave.
    ///
    /// # Errors
    /// The connection's: any role may ask.
    pub async fn of_client(client: &Client) -> Result<Self, tokio_postgres::Error> {
        let answer = client.simple_query(&format!("{SEARCH_PATH}; {QUESTION}")).await?;
        let text = answer.iter().find_map(|part| match part {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        Ok(Self::read(text).unwrap_or_else(|_| Self::of_nothing()))
    }

    /// Whether this session has great rights, so that it must look before it reads.
    #[must_use]
    pub fn is_gated(&self) -> bool {
        self.0.is_some()
    }

    /// What is said of something that is not looked at for the reason `because`.
    #[must_use]
    pub fn refuse(&self, because: &str) -> Unavailable {
        self.0.as_ref().unwrap_or(&Catalogue::default()).unavailable(because)
    }

    /// Nothing may be looked at.
    pub(super) fn of_nothing() -> Self {
        Self(Some(Catalogue::default()))
    }

    /// Whether `thing` may be looked at.
    ///
    /// # Errors
    /// It may not, or it is not there.
    pub fn allow(&self, thing: Thing) -> Result<(), Refusal> {
        let Some(known) = &self.0 else { return Ok(()) };
        match thing {
            Thing::Function(name) => known.function(name),
            Thing::Relation(name) => known.relation(name),
            Thing::Cron => known.cron(),
        }
    }

    /// The same of several.
    ///
    /// # Errors
    /// One of them may not, or is not there.
    pub fn allow_all(&self, things: &[Thing]) -> Result<(), Refusal> {
        things.iter().try_for_each(|thing| self.allow(*thing))
    }

    /// Statements that go before a question about `things` in the same transaction. They hold the relations under the names
    /// that the question uses, and fail where a name means another one than the one that was judged. Nothing is planned, so
    /// nothing is executed. No statement of these gives a row.
    #[must_use]
    pub fn hold(&self, things: &[Thing]) -> String {
        let mut sql = String::new();
        let Some(known) = &self.0 else { return sql };
        for thing in things {
            let Thing::Relation(name) = thing else { continue };
            let Some(relation) = known.relations.get(*name) else { continue };
            // LOCK TABLE takes no materialized view. Analysing a statement locks what it names until the transaction ends.
            let _ = write!(
                sql,
                "PREPARE refreshtop_hold AS SELECT FROM {name}; DEALLOCATE refreshtop_hold;
                 SELECT FROM (SELECT pg_catalog.to_regclass('{name}')::pg_catalog.oid::pg_catalog.int8 AS oid) now
                 WHERE CASE WHEN now.oid IS DISTINCT FROM {oid}
                       THEN pg_catalog.concat('{REPLACED}', '{name}')::pg_catalog.int4 = 0 ELSE false END; ",
                oid = relation.oid
            );
        }
        sql
    }

    /// Says what an error of [`Self::hold`] means; any other stays as it is.
    #[must_use]
    pub fn explain(&self, failure: sqlx::Error) -> sqlx::Error {
        let message = failure.as_database_error().map(|server| server.message().to_owned()).unwrap_or_default();
        match (message.split_once(REPLACED), &self.0) {
            (Some((_, name)), Some(known)) => {
                let name = name.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
                known.stranger(&format!("{name} was replaced at this moment")).into()
            }
            _ => failure,
        }
    }
}

impl Catalogue {
    /// Why something is not looked at, and the way out.
    fn stranger(&self, because: &str) -> Refusal {
        Refusal::Stranger(self.unavailable(because))
    }

    fn unavailable(&self, because: &str) -> Unavailable {
        let reason = format!("not looked at with the rights of {}, since {because}", self.role);
        let mend = if self.admin {
            "connect as a member of refreshtop_admin that is no superuser: \
             CREATE ROLE oncall LOGIN PASSWORD '…' IN ROLE refreshtop_admin"
        } else {
            "connect as a role without such rights that may read it"
        };
        Unavailable::new(reason, mend)
    }

    /// `name` belongs to `owner`, who is not trusted.
    fn belongs(&self, name: &str, owner: &str) -> Refusal {
        if owner == "refreshtop_owner" && !self.members.is_empty() {
            let members = self.members.join(", ");
            return self.stranger(&format!("{name} belongs to refreshtop_owner, of which {members} is a member"));
        }
        if owner == "refreshtop_owner" && !self.known {
            return self.stranger(&format!("{name} belongs to refreshtop_owner, a role that no superuser made"));
        }
        self.stranger(&format!("{name} belongs to {owner}, whose code could run with them"))
    }

    /// Whether nobody who is not trusted can put something into a schema.
    fn schema(&self, name: &str) -> Result<(), Refusal> {
        match self.schemas.get(name) {
            None => Err(Refusal::Missing(format!("schema \"{name}\""))),
            Some(schema) if !schema.trusted => Err(self.belongs(&format!("schema {name}"), &schema.owner)),
            Some(schema) if !schema.closed => {
                Err(self
                    .stranger(&format!("others may create objects in schema {name} and put their code into the way")))
            }
            Some(_) => Ok(()),
        }
    }

    fn function(&self, name: &str) -> Result<(), Refusal> {
        self.schema("refreshtop")?;
        let name = format!("refreshtop.{name}");
        match self.functions.get(&name) {
            None => Err(Refusal::Missing(format!("function {name}()"))),
            Some(function) if !function.trusted => {
                Err(self.belongs(&format!("{name}()"), function.owner.as_deref().unwrap_or("others")))
            }
            Some(function) if !function.definer => {
                Err(self.stranger(&format!("{name}() is SECURITY INVOKER, which refreshtop's are not")))
            }
            Some(_) => Ok(()),
        }
    }

    fn relation(&self, name: &str) -> Result<(), Refusal> {
        let schema = name.split('.').next().unwrap_or_default();
        // In public anybody may have put something; what counts is whose the relation is.
        if schema != "public" {
            self.schema(schema)?;
        }
        let Some(found) = self.relations.get(name) else {
            return Err(Refusal::Missing(format!("relation \"{name}\"")));
        };
        if !found.trusted {
            return Err(self.belongs(name, &found.owner));
        }
        let why = match found.kind.as_str() {
            "r" | "m" if found.rules => "has rules",
            "r" | "m" if found.children => "has children, which may be somebody else's",
            "r" | "m" if found.types => "has columns of types that did not come with PostgreSQL",
            "r" | "m" if schema == "cron" && !found.extension => "is not pg_cron's",
            "r" | "m" => return Ok(()),
            "v" => "is a view, and what it reads may be somebody else's",
            _ => "is neither a table nor a materialized view",
        };
        Err(self.stranger(&format!("{name} {why}")))
    }

    fn cron(&self) -> Result<(), Refusal> {
        self.relation("cron.job")?;
        let foreign = self.functions.iter().find(|(name, function)| name.starts_with("cron.") && !function.trusted);
        match foreign {
            Some((name, function)) => {
                Err(self.belongs(&format!("{name}()"), function.owner.as_deref().unwrap_or("others")))
            }
            None => Ok(()),
        }
    }
}

/// One consistent look that changes nothing, and what may be looked at in it. The functions that read take one: without
/// the gate there is nothing to read by.
#[derive(Debug)]
pub struct Look<'a> {
    transaction: PgTransaction<'a>,
    facts: ServerFacts,
}

impl<'a> Look<'a> {
    /// Begins one. One transaction stays on one connection of the server whatever pooler is in between, and brings its
    /// limits along: a pooler may have dropped those of the session, and setting them for longer would limit sessions of
    /// others.
    ///
    /// # Errors
    /// The connection's: any role may look.
    pub async fn begin(session: &'a mut PgConnection) -> sqlx::Result<Self> {
        Self::begin_knowing(session, true).await
    }

    /// The same on a session of which is known whether it had great rights at the last look. One that has come by them
    /// since may look at nothing this time.
    ///
    /// # Errors
    /// The connection's: any role may look.
    pub async fn begin_knowing(session: &'a mut PgConnection, was_gated: bool) -> sqlx::Result<Self> {
        // Answers come as text, which must read the same whatever the role's own settings say.
        let form = [("DateStyle", "ISO, MDY".to_owned()), ("TimeZone", "UTC".to_owned())];
        let settings = Session::READING.parameters().into_iter().chain(form);
        let settings: Vec<String> = settings.map(|(name, value)| format!("; SET LOCAL {name} = '{value}'")).collect();
        let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY{}; {PINNED}", settings.concat());
        let mut transaction = session.begin_with(AssertSqlSafe(begin)).await?;
        let question = if was_gated { QUESTION } else { RIGHTS_NOW };
        let facts = service::server_facts_by(&mut transaction, question).await?;
        Ok(Self { transaction, facts })
    }

    /// Who and where we are.
    #[must_use]
    pub fn facts(&self) -> &ServerFacts {
        &self.facts
    }

    /// Whether `thing` may be looked at where it is there.
    ///
    /// # Errors
    /// It may not.
    pub fn allow_unless_missing(&self, thing: Thing) -> sqlx::Result<()> {
        match self.facts.trust.allow(thing) {
            Err(Refusal::Missing(_)) => Ok(()),
            allowed => Ok(allowed?),
        }
    }

    /// Asks a question about `things`, where they may be looked at.
    ///
    /// # Errors
    /// They may not, or the server's.
    pub(super) async fn ask(&mut self, things: &[Thing], sql: &str) -> sqlx::Result<Vec<PgRow>> {
        let trust = &self.facts.trust;
        trust.allow_all(things)?;
        let sql = format!("{}{sql}", trust.hold(things));
        service::ask(&mut self.transaction, &sql).await.map_err(|failure| self.facts.trust.explain(failure))
    }

    /// Asks a question that has at most one answer.
    ///
    /// # Errors
    /// As for a question.
    pub(super) async fn optional(&mut self, things: &[Thing], sql: &str) -> sqlx::Result<Option<PgRow>> {
        Ok(self.ask(things, sql).await?.into_iter().next())
    }

    /// Asks a question that has an answer.
    ///
    /// # Errors
    /// As for a question.
    pub(super) async fn one(&mut self, things: &[Thing], sql: &str) -> sqlx::Result<PgRow> {
        self.optional(things, sql).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// Ends it.
    ///
    /// # Errors
    /// The connection's.
    pub async fn commit(self) -> sqlx::Result<()> {
        self.transaction.commit().await
    }
}

impl Deref for Look<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &Self::Target {
        &self.transaction
    }
}

impl DerefMut for Look<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.transaction
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn the_short_question_asks_for_the_same_rights() {
        let words = |sql: &str| sql.split_whitespace().collect::<Vec<_>>().join(" ");
        let short = words(RIGHTS_NOW);
        assert!(words(QUESTION).contains(short.strip_suffix(" THEN 'look' END").unwrap()), "{short}");
    }

    fn catalogue(change: impl FnOnce(&mut Value)) -> Trust {
        let relation = |oid: i64, kind: &str| {
            json!({"oid": oid, "kind": kind, "owner": "refreshtop_owner", "trusted": true, "rules": false,
                   "children": false, "types": false, "extension": false})
        };
        let mut json = json!({
            "role": "postgres", "admin": true, "known": true, "members": [],
            "schemas": {"refreshtop": {"owner": "refreshtop_owner", "trusted": true, "closed": true},
                        "cron": {"owner": "postgres", "trusted": true, "closed": true}},
            "functions": {"refreshtop.stats": {"owner": null, "trusted": true, "definer": true},
                          "cron.schedule": {"owner": null, "trusted": true, "definer": false}},
            "relations": {"public.metrics_refresh_log": relation(7, "r"), "public.platform_metrics": relation(8, "m"),
                          "cron.job": relation(9, "r")},
        });
        json["relations"]["cron.job"]["extension"] = true.into();
        change(&mut json);
        Trust::read(Some(&json.to_string())).unwrap()
    }

    #[test]
    fn a_session_without_great_rights_is_not_held_up() {
        let trust = Trust::read(None).unwrap();
        for thing in [LOG, VIEW, CRON_JOB, Thing::Cron, Thing::Function("anything")] {
            assert_eq!(trust.allow(thing), Ok(()));
        }
        assert_eq!(trust.hold(&[LOG]), "");
        assert!(Trust::read(Some("{}")).is_err(), "what can't be read is no leave");
    }

    #[test]
    fn what_is_ours_may_be_looked_at_and_is_held() {
        let trust = catalogue(|_| {});
        for thing in [LOG, VIEW, CRON_JOB, Thing::Cron, Thing::Function("stats")] {
            assert_eq!(trust.allow(thing), Ok(()), "{thing:?}");
        }
        let held = trust.hold(&[LOG, Thing::Function("stats")]);
        assert!(
            held.contains("SELECT FROM public.metrics_refresh_log;") && held.contains("IS DISTINCT FROM 7"),
            "{held}"
        );
    }

    #[test]
    fn each_way_to_a_strangers_code_is_closed() {
        type Change = fn(&mut Value);
        let cases: [(Thing, Change, &str); 12] = [
            (LOG, |json| json["relations"]["public.metrics_refresh_log"]["trusted"] = false.into(), "belongs to"),
            (LOG, |json| json["relations"]["public.metrics_refresh_log"]["kind"] = "v".into(), "is a view"),
            (LOG, |json| json["relations"]["public.metrics_refresh_log"]["kind"] = "f".into(), "neither a table"),
            (LOG, |json| json["relations"]["public.metrics_refresh_log"]["rules"] = true.into(), "has rules"),
            (LOG, |json| json["relations"]["public.metrics_refresh_log"]["children"] = true.into(), "has children"),
            (VIEW, |json| json["relations"]["public.platform_metrics"]["types"] = true.into(), "types that did not"),
            (CRON_JOB, |json| json["relations"]["cron.job"]["extension"] = false.into(), "is not pg_cron's"),
            (
                Thing::Cron,
                |json| json["functions"]["cron.schedule"]["trusted"] = false.into(),
                "cron.schedule() belongs",
            ),
            (
                Thing::Function("stats"),
                |json| json["schemas"]["refreshtop"]["trusted"] = false.into(),
                "schema refreshtop",
            ),
            (Thing::Function("stats"), |json| json["schemas"]["refreshtop"]["closed"] = false.into(), "may create"),
            (
                Thing::Function("stats"),
                |json| json["functions"]["refreshtop.stats"]["trusted"] = false.into(),
                "belongs",
            ),
            (
                Thing::Function("stats"),
                |json| json["functions"]["refreshtop.stats"]["definer"] = false.into(),
                "INVOKER",
            ),
        ];
        for (thing, change, words) in cases {
            match catalogue(change).allow(thing) {
                Err(Refusal::Stranger(why)) => {
                    assert!(why.reason.contains(words) && why.mend.contains("refreshtop_admin"), "{words}: {why:?}");
                }
                other => panic!("{words}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_was_not_there_when_it_was_judged_is_missing() {
        let trust = catalogue(|json| {
            json["relations"] = json!({});
            json["schemas"] = json!({});
        });
        for thing in [LOG, VIEW, CRON_JOB, Thing::Function("stats")] {
            assert!(matches!(trust.allow(thing), Err(Refusal::Missing(_))), "{thing:?}");
        }
    }

    #[test]
    fn members_of_the_owner_are_named() {
        let trust = catalogue(|json| {
            json["members"] = json!(["inst"]);
            json["relations"]["public.metrics_refresh_log"]["trusted"] = false.into();
        });
        let Err(refusal) = trust.allow(LOG) else { panic!("let in") };
        assert!(refusal.to_string().contains("refreshtop_owner, of which inst is a member"), "{refusal}");
    }

    #[test]
    fn a_name_is_not_trusted_for_itself() {
        let trust = catalogue(|json| {
            json["known"] = false.into();
            json["relations"]["public.metrics_refresh_log"]["trusted"] = false.into();
        });
        let Err(refusal) = trust.allow(LOG) else { panic!("let in") };
        assert!(refusal.to_string().contains("refreshtop_owner, a role that no superuser made"), "{refusal}");
    }
}
