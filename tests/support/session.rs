//! Sessions of the SQL tests: they say in one word what is run, and what became of it.

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use std::time::Duration;
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_postgres::{AsyncMessage, Client, NoTls, Notification, types::FromSqlOwned};

/// Longest wait for something that must come; only a failing test ever waits so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// A session with what it was notified of.
pub struct Session {
    /// For whatever the methods here do not say.
    pub client: Client,
    /// Its backend process.
    pub pid: i32,
    notifications: mpsc::UnboundedReceiver<Notification>,
}

impl Session {
    /// Connects, without taking part in anything yet.
    pub async fn open(url: &str) -> Self {
        let (client, mut connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
        let (sender, notifications) = mpsc::unbounded_channel();
        let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
        tokio::spawn(async move {
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notification(notification) = message {
                    // Nobody may be interested (any more).
                    let _ = sender.send(notification);
                }
            }
        });
        let pid = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        Self { client, pid, notifications }
    }

    /// Connects and runs `sql`, which commonly opens a transaction that holds something.
    pub async fn with(url: &str, sql: &str) -> Self {
        let session = Self::open(url).await;
        session.run(sql).await;
        session
    }

    /// Runs statements that must succeed.
    pub async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{error:?} in {sql}"));
    }

    /// The one value that `SELECT {expression}` gives.
    pub async fn value<T: FromSqlOwned>(&self, expression: &str) -> T {
        let sql = format!("SELECT {expression}");
        self.client.query_one(&sql, &[]).await.unwrap_or_else(|error| panic!("{error:?} in {sql}")).get(0)
    }

    /// The SQLSTATE with which `sql` fails; an empty text if it succeeds.
    pub async fn sqlstate(&self, sql: &str) -> String {
        let outcome = self.client.batch_execute(sql).await;
        outcome.err().map_or_else(String::new, |error| error.code().expect("the server's error").code().to_owned())
    }

    /// The rows of `query`, each as a JSON object.
    pub async fn rows(&self, query: &str) -> Vec<Value> {
        match self.value(&format!("coalesce(jsonb_agg(to_jsonb(r)), '[]') FROM ({query}) r")).await {
            Value::Array(rows) => rows,
            other => panic!("{other}"),
        }
    }

    /// The rows of the refresh log, oldest first.
    pub async fn log(&self) -> Vec<Value> {
        self.rows("SELECT * FROM public.metrics_refresh_log ORDER BY created_at").await
    }

    /// Waits until `SELECT {condition}` holds.
    pub async fn until(&self, condition: &str) {
        let holds = async {
            while !self.value::<bool>(condition).await {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, holds).await.unwrap_or_else(|_| panic!("never: {condition}"));
    }

    /// Waits until the session with process `pid` waits for a lock.
    pub async fn until_waiting(&self, pid: i32) {
        self.until(&format!("EXISTS (SELECT 1 FROM pg_locks WHERE pid = {pid} AND NOT granted)")).await;
    }

    /// The next notification.
    pub async fn notification(&mut self) -> Notification {
        timeout(PATIENCE, self.notifications.recv()).await.expect("a notification in time").expect("a session")
    }

    /// The payload of the next notification.
    pub async fn payload(&mut self) -> Value {
        serde_json::from_str(self.notification().await.payload()).expect("JSON")
    }

    /// Starts `SELECT {call}` and leaves it running; it gives its value, and the session back.
    pub fn start<T: FromSqlOwned + Send + 'static>(self, call: &str) -> JoinHandle<(T, Self)> {
        let call = call.to_owned();
        tokio::spawn(async move { (self.value(&call).await, self) })
    }
}
