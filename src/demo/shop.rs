//! The shop beside the application: materialized views as many databases have them.
//!
//! | view | shows |
//! |---|---|
//! | `shop.daily_sales` | an ordinary one |
//! | `shop.monthly_sales` | one that reads another one |
//! | `shop.margins` | one that fails now and then, by its data |
//! | `shop.bought_together` | one without a unique key, refreshed plainly; the slowest |
//! | `shop.customers_by_country` | one that nobody manages yet |

use crate::demo::session::{Session, SessionError};

/// The managed ones, those that others read first, whether each is refreshed plainly, and how old its data may be: half
/// as much again as the pace of its history.
const MANAGED: [(&str, bool, &str); 4] = [
    ("shop.daily_sales", false, "15 min"),
    ("shop.monthly_sales", false, "90 min"),
    ("shop.margins", false, "23 min"),
    ("shop.bought_together", true, "45 min"),
];

/// Creates the shop's tables and views. There is an order for each of `accounts`.
pub async fn seed(session: &Session, accounts: u32) -> Result<(), SessionError> {
    session.run(&TABLES.replace("$orders", &accounts.max(1).to_string())).await?;
    session.run(VIEWS).await
}

/// Has refreshtop manage the views, and refreshes each once.
pub async fn manage(session: &Session) -> Result<(), SessionError> {
    for (view, blocking, max_age) in MANAGED {
        session.run(&format!("SELECT refreshtop.manage('{view}', {blocking})")).await?;
        session.run(&format!("SELECT refreshtop.change_view('{view}', '{{\"max_age\": \"{max_age}\"}}')")).await?;
        session.run(&refresh(view)).await?;
    }
    Ok(())
}

/// Adds 24 hours of invented refreshes of each view, about as long as its first real one.
pub async fn history(session: &Session) -> Result<(), SessionError> {
    session.run(HISTORY).await
}

/// The statement that refreshes the next view; each has its turn.
pub fn refresh_in_turn(turn: usize) -> String {
    refresh(MANAGED[turn % MANAGED.len()].0)
}

fn refresh(view: &str) -> String {
    format!("SELECT refreshtop.refresh('{view}')")
}

/// Orders are spread over half a year, newer ones a little more frequent. The keys come after the rows, which is faster.
const TABLES: &str = "
CREATE SCHEMA shop;
CREATE TABLE shop.products (
    id integer PRIMARY KEY,
    category text NOT NULL,
    price numeric(10, 2) NOT NULL,
    cost numeric(10, 2) NOT NULL
);
CREATE TABLE shop.customers (id integer PRIMARY KEY, country text NOT NULL);
CREATE TABLE shop.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id integer NOT NULL,
    product_id integer NOT NULL,
    quantity integer NOT NULL,
    ordered_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO shop.products
    SELECT n, (ARRAY['books', 'games', 'garden', 'kitchen', 'music'])[1 + n % 5], 5 + n % 40, 2 + n % 20
    FROM generate_series(1, 200) AS n;
INSERT INTO shop.customers
    SELECT n, (ARRAY['at', 'be', 'ch', 'de', 'fr', 'it', 'nl', 'pl'])[1 + floor(8 * power(random(), 2))::int]
    FROM generate_series(1, greatest($orders / 10, 1)) AS n;
INSERT INTO shop.orders (customer_id, product_id, quantity, ordered_at)
    SELECT 1 + floor(random() * greatest($orders / 10, 1))::int, 1 + floor(200 * power(random(), 2))::int,
           1 + floor(random() * 3)::int, now() - interval '180 days' * power(random(), 1.1)
    FROM generate_series(1, $orders);
CREATE INDEX ON shop.orders (customer_id);
ALTER TABLE shop.orders ADD FOREIGN KEY (customer_id) REFERENCES shop.customers,
    ADD FOREIGN KEY (product_id) REFERENCES shop.products;
";

/// Without data: the first refresh fills each, as its owner.
const VIEWS: &str = "
CREATE MATERIALIZED VIEW shop.daily_sales AS
    SELECT o.ordered_at::date AS day, p.category, count(*) AS orders, sum(o.quantity * p.price) AS revenue
    FROM shop.orders o JOIN shop.products p ON p.id = o.product_id
    GROUP BY 1, 2
    WITH NO DATA;
CREATE UNIQUE INDEX daily_sales_key ON shop.daily_sales (day, category);
CREATE MATERIALIZED VIEW shop.monthly_sales AS
    SELECT date_trunc('month', day)::date AS month, category, sum(orders) AS orders, sum(revenue) AS revenue
    FROM shop.daily_sales
    GROUP BY 1, 2
    WITH NO DATA;
CREATE UNIQUE INDEX monthly_sales_key ON shop.monthly_sales (month, category);
CREATE MATERIALIZED VIEW shop.margins AS
    SELECT id AS product_id, round(100 * (price - cost) / cost, 1) AS margin_percent FROM shop.products
    WITH NO DATA;
CREATE UNIQUE INDEX margins_key ON shop.margins (product_id);
CREATE MATERIALIZED VIEW shop.bought_together AS
    SELECT a.product_id, b.product_id AS other_id, count(*) AS times
    FROM shop.orders a JOIN shop.orders b ON b.customer_id = a.customer_id AND b.product_id > a.product_id
    GROUP BY 1, 2
    WITH NO DATA;
CREATE MATERIALIZED VIEW shop.customers_by_country AS
    SELECT country, count(*) AS customers FROM shop.customers GROUP BY country;
CREATE UNIQUE INDEX customers_by_country_key ON shop.customers_by_country (country);
ANALYZE shop.products, shop.customers, shop.orders, shop.customers_by_country;
";

/// A few orders more, as many less on average. A product without cost is a mistake that somebody makes now and then, and
/// corrects soon: until then its margin is a division by zero.
pub const CHANGE: &str = "
INSERT INTO shop.orders (customer_id, product_id, quantity)
    SELECT (SELECT id FROM shop.customers ORDER BY id OFFSET floor(random() * 20) LIMIT 1),
           1 + floor(200 * power(random(), 2))::int, 1
    FROM generate_series(1, floor(random() * 4)::int);
DELETE FROM shop.orders WHERE id IN (SELECT id FROM shop.orders ORDER BY id LIMIT floor(random() * 4)::int);
UPDATE shop.products SET cost = 0 WHERE id = 7 AND cost > 0 AND random() < 0.02;
UPDATE shop.products SET cost = price / 2 WHERE cost = 0 AND random() < 0.08;
";

/// Each view at its own pace. Durations vary about that of the newest real refresh, as in the history of the application.
const HISTORY: &str = "
WITH plan (refresh_type, every_s, first_s, failed, sqlstate, message) AS (VALUES
    ('shop.daily_sales', 600, 70, ARRAY[38, 39], '55P03', 'canceling statement due to lock timeout'),
    ('shop.monthly_sales', 3600, 130, ARRAY[]::int[], NULL, NULL),
    ('shop.margins', 900, 190, ARRAY[11, 30, 31, 32, 57], '22012', 'division by zero'),
    ('shop.bought_together', 1800, 250, ARRAY[20], '57014', 'canceling statement due to user request')
), slot AS (
    SELECT plan.*, n, now() - (first_s + every_s * n + random()) * interval '1 second' AS started_at,
           (SELECT l.duration_ms FROM public.metrics_refresh_log l
            WHERE l.refresh_type = plan.refresh_type AND l.status = 'success' ORDER BY l.created_at DESC LIMIT 1)
           * (0.85 + 0.1 * (random() + random() + random())
              + CASE WHEN random() < 0.03 THEN 1 + random() ELSE 0 END)::numeric AS usual_ms
    FROM plan CROSS JOIN LATERAL generate_series(0, (86400 - first_s) / every_s) AS n
), attempt AS (
    SELECT refresh_type, started_at, n = ANY (failed) AS has_failed, sqlstate, message,
           round(CASE WHEN n = ANY (failed) AND sqlstate = '55P03' THEN 5002 ELSE usual_ms END, 3) AS took_ms
    FROM slot
)
INSERT INTO public.metrics_refresh_log (
    id, refresh_type, status, duration_ms, error_message, started_at, completed_at, created_at, sqlstate,
    trigger_source, triggered_by, login_role, application_name)
SELECT gen_random_uuid(), refresh_type, CASE WHEN has_failed THEN 'error' ELSE 'success' END, took_ms,
       CASE WHEN has_failed THEN message END, started_at, done.at, done.at, CASE WHEN has_failed THEN sqlstate END,
       'schedule', current_user, session_user, 'refreshtop demo history'
FROM attempt CROSS JOIN LATERAL (SELECT started_at + took_ms::float8 * interval '1 ms' AS at) AS done
WHERE took_ms IS NOT NULL
";
