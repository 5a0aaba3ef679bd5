//! Whether the figures can be trusted, and who could change what refreshtop does: row security of the sources, the
//! roles, which database the installation belongs to, and whether all of it is unchanged.

use super::{Check, Detail, Verdict, sql::advised};
use serde::Deserialize;

/// What the catalogues contain about the sources of a view.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Sources {
    /// The view's owner; `None` if there is no view.
    pub owner: Option<String>,
    /// Sources with row security that applies to the role that reads them for the view.
    pub hiding: Vec<Hiding>,
    /// Functions of the view's query that turn row security on for themselves.
    pub own_setting: Vec<String>,
    /// Owners of the sources.
    pub owners: Vec<String>,
}

/// What the catalogues contain about the roles.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Facts {
    /// Members of `refreshtop_owner` that are no superusers.
    pub members: Vec<String>,
    /// Members of `refreshtop_job` that are no superusers. Up to 14, code that runs as that role can make its owner
    /// one.
    pub job_members: Vec<String>,
    /// Those that may make others members of `refreshtop_admin` and are no superusers.
    #[serde(default)]
    pub inviters: Vec<String>,
    /// Those among them that made that role themselves.
    #[serde(default)]
    pub makers: Vec<String>,
    /// Whether no superuser created `refreshtop_owner`, if that matters.
    #[serde(default)]
    pub unknown: bool,
    /// Objects of the other roles that refreshtop did not create.
    #[serde(default)]
    pub strays: Vec<Stray>,
    /// Roles with CREATEROLE that are no superusers, if such a role can make itself a member of any role: up to 15.
    pub creators: Vec<String>,
    /// Owner of schema `refreshtop`; `None` if there is none.
    pub installer: Option<String>,
}

/// Something that belongs to a role of ours, and is not ours: code in it runs with that role's rights.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Stray {
    /// Whose it is.
    pub owner: String,
    /// Kind and name.
    pub what: String,
    /// The statement that drops it.
    pub drop: String,
}

/// A source whose row security decides which rows a refresh sees.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Hiding {
    pub table: String,
    /// Its owner.
    pub owner: String,
    /// The role that reads it.
    pub reader: String,
    /// FORCE: even its owner is subject to it.
    pub forced: bool,
}

/// Whether row security shortens what the view counts; `None` without a view.
pub fn source_security(facts: &Sources) -> Option<Check> {
    facts.owner.as_ref()?;
    let several = (facts.owners.len() > 1).then(|| {
        format!("the sources have several owners, whose code meets in one query: {}", facts.owners.join(", "))
    });
    let mut check = of_sources(facts);
    if let (Some(note), Detail::None) = (several, &check.detail) {
        check.detail = Detail::Lines(vec![note]);
    }
    Some(check)
}

fn of_sources(facts: &Sources) -> Check {
    let new = |verdict, finding: String| Check::new("source-security", "Row security of the sources", verdict, finding);
    if let Some(first) = facts.hiding.first() {
        let line = |hiding: &Hiding| {
            let forced = if hiding.forced { ", forced" } else { "" };
            format!("{} of {}{forced}, read as {}", hiding.table, hiding.owner, hiding.reader)
        };
        let finding = format!(
            "Row security of {} decides which rows role {} sees, so the figures can't be trusted, or every refresh fails.",
            first.table, first.reader
        );
        let way = if first.forced && first.owner == first.reader {
            format!("Let the owner see every row: {}", advised::no_force_row_security(&first.table))
        } else {
            format!("Give the view to the owner of the table ({})", first.owner)
        };
        return new(Verdict::Bad, finding)
            .advise(format!("{way}, or let a superuser run: {}.", advised::bypass_row_security(&first.reader)))
            .detail(Detail::Lines(facts.hiding.iter().map(line).collect()));
    }
    if let Some(first) = facts.own_setting.first() {
        let finding = format!(
            "Function {first}, which the view's query calls, turns row security on: it can count fewer rows without an error."
        );
        return new(Verdict::Warning, finding)
            .advise(format!("Look whether it must: {}.", advised::reset_row_security(first)))
            .detail(Detail::Lines(facts.own_setting.clone()));
    }
    new(Verdict::Good, "No row of what the view reads is hidden from its owner.".into())
}

/// The role that owns an installation with roles.
const OWNER: &str = "refreshtop_owner";

/// The fix if the owner's own objects can't be distinguished from what others have left.
fn made_anew(installer: &str) -> String {
    format!(
        "Without it, and without the log: {} in each database, {}, refreshtop migrate.",
        advised::drop_owned(installer),
        advised::drop_role(installer)
    )
}

/// Who could change what refreshtop does.
pub fn roles(facts: &Facts) -> Check {
    let new = |verdict, finding: String| Check::new("roles", "Who could change refreshtop", verdict, finding);
    let Some(installer) = &facts.installer else {
        return new(Verdict::Unknown, "There is no schema refreshtop.".into()).advise("Run: refreshtop migrate.");
    };
    let check = if !facts.members.is_empty() {
        let members = facts.members.join(", ");
        let finding = format!(
            "Role {members} is a member of {installer}, and can change the functions that superusers and the jobs call."
        );
        new(Verdict::Warning, finding).advise(format!(
            "Let that role migrate. To end the membership is not enough: what {installer} owns may hold its code, so superusers \
             look at nothing of it. {}",
            made_anew(installer)
        ))
    } else if facts.unknown && installer == OWNER {
        let finding = format!("Schema refreshtop belongs to {installer}, a role that no superuser made.");
        new(Verdict::Warning, finding).advise(format!(
            "What {installer} owns may hold code of its creator, so superusers read nothing of it. {}",
            made_anew(installer)
        ))
    } else if let Some(Stray { owner, what, drop }) = facts.strays.first() {
        let finding = format!(
            "Role {owner} owns {what}, which refreshtop did not create: its creator can act with the rights of that role."
        );
        new(Verdict::Warning, finding).advise(format!("Unless it is yours: {drop}."))
    } else if let (Some(maker), OWNER) = (facts.makers.first(), installer.as_str()) {
        // If a superuser migrated, nobody else may have created it.
        let finding = format!(
            "Role {maker} made role refreshtop_admin, and may make anybody a member of it, who reads the log and refreshes."
        );
        new(Verdict::Warning, finding).advise(format!("Unless that is meant: {}.", advised::revoke_admin(maker)))
    } else {
        new(Verdict::Good, format!("Schema refreshtop belongs to {installer}, and nobody else acts as that role."))
    };
    let notes = notes(facts);
    if notes.is_empty() { check } else { check.detail(Detail::Lines(notes)) }
}

/// What else is known about the roles, whatever the verdict.
fn notes(facts: &Facts) -> Vec<String> {
    let mut notes = Vec::new();
    if !facts.creators.is_empty() {
        let creators = facts.creators.join(", ");
        notes.push(format!("up to PostgreSQL 15, a role with CREATEROLE can make itself a member of any: {creators}"));
    }
    if !facts.job_members.is_empty() {
        let members = facts.job_members.join(", ");
        notes.push(format!("members of refreshtop_job, who may refresh, clean up and change jobs: {members}"));
    }
    if !facts.inviters.is_empty() {
        let inviters = facts.inviters.join(", ");
        notes.push(format!("may make others members of refreshtop_admin, who read the log and refresh: {inviters}"));
    }
    notes.extend(facts.strays.iter().map(|Stray { owner, what, drop }| format!("{owner} owns {what}: {drop}")));
    notes
}

/// The database in which the installation was migrated, and its present one.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Home {
    /// Its own record of that; `None` if there is none.
    pub kept: Option<Place>,
    pub here: Place,
}

/// A database of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Place {
    /// The cluster's system identifier.
    pub system: i64,
    pub oid: i64,
    pub name: String,
}

/// Whether this installation is the one that was migrated here.
pub fn home(home: &Home) -> Check {
    let new = |verdict, finding: String| Check::new("home", "The original or a copy", verdict, finding);
    let what = match &home.kept {
        Some(kept) if *kept == home.here => {
            return new(Verdict::Good, "This is the database that was migrated.".into());
        }
        None => "does not know where it was migrated".to_owned(),
        Some(kept) if kept.system != home.here.system => {
            format!("was migrated in database {} of another server", kept.name)
        }
        Some(kept) if kept.oid != home.here.oid => format!("is a copy of database {}", kept.name),
        Some(kept) => format!("was called {} when it was migrated", kept.name),
    };
    new(Verdict::Bad, format!("This database {what}, so nothing is refreshed, and no job is touched."))
        .advise("To make it an installation of its own, run: refreshtop migrate.")
}

/// A line of the inventory that has changed.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Line {
    pub kind: String,
    pub object: String,
    pub detail: String,
}

/// Most lines that are listed.
const LISTED: usize = 40;

/// Whether all that a migration left is still there.
pub fn inventory(kept: bool, missing: &[Line]) -> Check {
    let new = |verdict, finding: String| Check::new("inventory", "What was installed", verdict, finding);
    if !kept {
        return new(Verdict::Bad, "No migration has noted what it left.".into()).advise("Run: refreshtop migrate.");
    }
    let Some(first) = missing.first() else {
        return new(Verdict::Good, "Everything is as the migration left it.".into());
    };
    let named = |line: &Line| match line.kind.as_str() {
        "grant" => format!("a right on {}", line.object),
        "setting" => format!("a setting of role {}", line.object),
        "member" => format!("the membership of {} in {}", line.object, line.detail),
        kind => format!("{kind} {}", line.object),
    };
    let more = if missing.len() > 1 { format!(", and {} more", missing.len() - 1) } else { String::new() };
    let lines = missing.iter().take(LISTED);
    let lines = lines
        .map(|line| format!("{} {}: {}", line.kind, line.object, line.detail).trim_end_matches([':', ' ']).to_owned());
    new(Verdict::Bad, format!("Something was dropped or changed behind refreshtop's back: {}{more}.", named(first)))
        .advise("Run: refreshtop migrate, which puts it back.")
        .detail(Detail::Lines(lines.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_security_that_bites_is_bad_and_names_the_way_out() {
        let source_security = |facts: &Sources| source_security(facts).unwrap();
        let hiding = |owner: &str, reader: &str, forced| Sources {
            owner: Some("app".into()),
            hiding: vec![Hiding {
                table: "public.accounts".into(),
                owner: owner.into(),
                reader: reader.into(),
                forced,
            }],
            ..Sources::default()
        };
        let check = source_security(&hiding("other", "app", false));
        assert_eq!(check.verdict, Verdict::Bad);
        assert!(check.advice.contains("owner of the table (other)") && check.advice.contains("BYPASSRLS"), "{check:?}");
        assert!(source_security(&hiding("app", "app", true)).advice.contains("NO FORCE ROW LEVEL SECURITY"));
        let quiet = Sources { owner: Some("app".into()), ..Sources::default() };
        assert_eq!(source_security(&quiet).verdict, Verdict::Good);
        let several = source_security(&Sources { owners: vec!["a".into(), "b".into()], ..quiet.clone() });
        assert!(several.verdict == Verdict::Good && several.detail != Detail::None, "{several:?}");
        assert_eq!(super::source_security(&Sources::default()), None);
        let own = Sources { own_setting: vec!["app.f()".into()], ..quiet };
        assert_eq!(source_security(&own).verdict, Verdict::Warning);
    }

    #[test]
    fn members_of_the_owner_are_a_warning_and_the_rest_are_notes() {
        let facts = Facts { installer: Some("refreshtop_owner".into()), ..Facts::default() };
        assert_eq!(roles(&facts).verdict, Verdict::Good);
        let noted = Facts { creators: vec!["inst".into()], job_members: vec!["app".into()], ..facts.clone() };
        let check = roles(&noted);
        assert!(check.verdict == Verdict::Good && matches!(&check.detail, Detail::Lines(lines) if lines.len() == 2));
        let check = roles(&Facts { members: vec!["inst".into()], ..facts.clone() });
        assert!(
            check.verdict == Verdict::Warning && check.advice.contains("DROP OWNED BY \"refreshtop_owner\" CASCADE"),
            "{check:?}"
        );
        assert!(!check.advice.contains("REVOKE"), "{check:?}");
        assert_eq!(roles(&Facts { unknown: true, ..facts.clone() }).verdict, Verdict::Warning);
        let stray = Stray {
            owner: "refreshtop_job".into(),
            what: "function m.back()".into(),
            drop: "DROP FUNCTION m.back()".into(),
        };
        let check = roles(&Facts { strays: vec![stray], inviters: vec!["lead".into()], ..facts });
        assert!(check.verdict == Verdict::Warning && check.advice.contains("DROP FUNCTION m.back()"), "{check:?}");
        assert!(matches!(&check.detail, Detail::Lines(lines) if lines.len() == 2), "{check:?}");
        let made = vec!["lead".to_owned()];
        let made = Facts { inviters: made.clone(), makers: made, installer: Some("app".into()), ..Facts::default() };
        assert_eq!(roles(&made).verdict, Verdict::Good);
        let check = roles(&Facts { installer: Some(OWNER.into()), ..made });
        assert!(check.advice.contains("REVOKE refreshtop_admin FROM \"lead\" CASCADE"), "{check:?}");
    }

    #[test]
    fn a_copy_knows_what_it_is() {
        let here = Place { system: 1, oid: 2, name: "app".into() };
        let verdict = |kept: Option<Place>| {
            let check = home(&Home { kept, here: here.clone() });
            (check.verdict, check.finding)
        };
        assert_eq!(verdict(Some(here.clone())).0, Verdict::Good);
        for (kept, words) in [
            (None, "does not know"),
            (Some(Place { system: 9, ..here.clone() }), "of another server"),
            (Some(Place { oid: 9, ..here.clone() }), "is a copy of"),
            (Some(Place { name: "old".into(), ..here.clone() }), "was called old"),
        ] {
            let (verdict, finding) = verdict(kept);
            assert!(verdict == Verdict::Bad && finding.contains(words), "{finding}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let line =
            Line { kind: "routine".into(), object: "refreshtop.refresh(text,text)".into(), detail: "owner".into() };
        assert_eq!(inventory(true, &[]).verdict, Verdict::Good);
        assert_eq!(inventory(false, &[]).verdict, Verdict::Bad);
        let check = inventory(true, &[line.clone(), line]);
        assert!(check.finding.contains("routine refreshtop.refresh(text,text), and 1 more"), "{}", check.finding);
    }
}
