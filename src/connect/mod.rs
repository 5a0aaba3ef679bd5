//! Reaching the database: what a connection string, the environment and `~/.pgpass` say, and how to get there.
//!
//! [`Target::resolve`] follows libpq. What it returns is dialled by one opener, whichever driver the session is for:
//! both reach the same server in the same way. [`dial::connect`] opens sessions for the long-lived driver,
//! [`bridge`] for the one that reads.

pub mod bridge;
mod choices;
pub(crate) mod conninfo;
pub mod dial;
pub mod error;
mod login;
mod open;
mod passfile;
mod reach;
mod replay;
pub mod rules;
mod secure;
mod service;
pub mod session;
pub mod target;
mod tls;

pub use dial::{Connected, Messages, connect};
pub use error::{ConnectError, Kind};
pub use open::Canceller;
pub use rules::{Endpoint, Host, RootCert, SslMode};
pub use session::Session;
pub use target::{Target, TargetError};
