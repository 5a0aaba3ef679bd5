//! Reaching the database: what a connection string, the environment and `~/.pgpass` say, and how to get there.
//!
//! [`Target::resolve`] follows libpq; both drivers are set up from what it returns, so that they reach the same
//! server in the same way. [`dial::connect`] opens sessions for the long-lived driver; for the other one
//! [`Target::to_sqlx`] makes the options.

mod choices;
pub(crate) mod conninfo;
pub mod dial;
mod drivers;
pub mod error;
mod passfile;
pub mod rules;
mod service;
pub mod session;
pub mod target;
mod tls;

pub use dial::{Canceller, Connected, Messages, connect};
pub use error::{ConnectError, Kind};
pub use rules::{Endpoint, Host, RootCert, SslMode};
pub use session::Session;
pub use target::{Target, TargetError};
