//! The application's tables and their data, made up by the server itself.

use crate::demo::session::{Session, SessionError};
use refreshtop_cluster::Progress;

/// Moment of creation of a row, spread over two years. The exponent makes newer rows a little more frequent:
/// about 5 % are younger than 30 days, as in a product that grows.
const CREATED_AT: &str = "now() - interval '730 days' * power(random(), 1.1)";

/// Creates the four tables and fills them: for each of `accounts`, on average, five memberships, twenty assets
/// and five licences.
pub async fn run(session: &Session, accounts: u32, progress: Progress<'_>) -> Result<(), SessionError> {
    let accounts = u64::from(accounts.max(1));
    session.run(TABLES).await?;
    for (rows, what, sql) in steps(accounts) {
        progress(&format!("adding {} {what}", grouped(rows)));
        session.run(&sql).await?;
    }
    progress("indexing and analyzing");
    session.run(INDEXES).await
}

/// Rows, what they are, and the statement that adds them.
fn steps(accounts: u64) -> [(u64, &'static str, String); 4] {
    [
        (accounts, "accounts", accounts_sql(accounts)),
        (accounts * 5, "memberships", memberships_sql(accounts)),
        (accounts * 20, "assets", owned_sql("assets", accounts * 20, accounts)),
        (accounts * 5, "software licences", owned_sql("software_licenses", accounts * 5, accounts)),
    ]
}

fn accounts_sql(rows: u64) -> String {
    format!("INSERT INTO public.accounts (created_at) SELECT {CREATED_AT} FROM generate_series(1, {rows})")
}

/// Every person is a member of one account, and some of several: 3.5 people and 5 memberships for each account.
/// A person's accounts are steps of a prime apart, hence distinct unless there are very few accounts.
fn memberships_sql(accounts: u64) -> String {
    let people = (accounts * 7 / 2).max(1);
    let further = accounts * 5 - people.min(accounts * 5);
    format!(
        "INSERT INTO public.accounts_memberships (user_id, account_id, created_at)
         SELECT md5('person ' || person)::uuid, 1 + (person * 7919 + nth * 104729) % {accounts}, {CREATED_AT}
         FROM (SELECT n AS person, 0::bigint AS nth FROM generate_series(1, {people}) AS n
               UNION ALL
               SELECT person, row_number() OVER (PARTITION BY person)
               FROM (SELECT 1 + floor({people} * power(n::float8 / {further}, 2))::bigint % {people} AS person
                     FROM generate_series(1, {further}) AS n) AS again) AS membership
         ON CONFLICT DO NOTHING"
    )
}

fn owned_sql(table: &str, rows: u64, accounts: u64) -> String {
    format!(
        "INSERT INTO public.{table} (account_id, created_at)
         SELECT 1 + floor(random() * {accounts})::bigint, {CREATED_AT} FROM generate_series(1, {rows})"
    )
}

const TABLES: &str = "
CREATE TABLE public.accounts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE public.accounts_memberships (
    user_id uuid NOT NULL,
    account_id bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, account_id)
);
CREATE TABLE public.assets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE public.software_licenses (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
";

/// After the rows, which is faster.
const INDEXES: &str = "
CREATE INDEX ON public.accounts_memberships (account_id);
CREATE INDEX ON public.assets (account_id);
CREATE INDEX ON public.software_licenses (account_id);
ALTER TABLE public.accounts_memberships ADD FOREIGN KEY (account_id) REFERENCES public.accounts ON DELETE CASCADE;
ALTER TABLE public.assets ADD FOREIGN KEY (account_id) REFERENCES public.accounts ON DELETE CASCADE;
ALTER TABLE public.software_licenses ADD FOREIGN KEY (account_id) REFERENCES public.accounts ON DELETE CASCADE;
ANALYZE public.accounts, public.accounts_memberships, public.assets, public.software_licenses;
";

/// `200,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(["7", "999", "1000", "200000", "1234567"].map(|n| grouped(n.parse().unwrap())).join(" "), {
            "7 999 1,000 200,000 1,234,567"
        });
    }
}
