//! Reaching the database: what a connection string, the environment and `~/.pgpass` say, and how to get there.
//!
//! [`Target::resolve`] follows libpq. What it returns is opened by [`dial::connect`].

#![warn(missing_docs, clippy::missing_errors_doc)]

mod auth;
mod cancel;
mod choices;
pub(crate) mod conninfo;
pub mod dial;
pub mod environment;
pub mod error;
pub mod limits;
mod login;
mod login_error;
mod login_stream;
mod open;
mod passfile;
mod reach;
mod received;
pub mod rules;
pub mod secret;
mod secure;
mod service;
pub mod target;
mod tls;

pub use cancel::Canceller;
pub use dial::{Connected, Messages, connect};
pub use error::{ConnectError, Kind};
pub use limits::Limits;
pub use received::Received;
pub use rules::{Endpoint, Host, RootCert, SslMode};
pub use target::{Target, TargetError};
