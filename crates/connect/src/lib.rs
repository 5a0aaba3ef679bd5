//! Reaching the database: what a connection string, the environment and `~/.pgpass` say, and how to get there.
//!
//! [`Target::resolve`] follows libpq. What it returns is opened by [`connect`].

#![warn(missing_docs, clippy::missing_errors_doc)]

mod address;
mod auth;
mod cancel;
mod connected;
mod conninfo;
mod delegated;
pub mod environment;
mod error;
mod failure;
mod limits;
mod login;
mod login_error;
mod login_stream;
mod open;
mod params;
mod passfile;
mod raw_stream;
mod received;
pub mod secret;
mod secure;
mod service;
mod session_attrs;
mod sockets;
mod target;
mod tls;
mod transport;
mod values;

pub use cancel::Canceller;
pub use connected::{Connected, Messages, connect};
pub use error::{ConnectError, Kind};
pub use limits::Limits;
pub use params::{ChannelBinding, Endpoint, Host, Keepalives, RootCert, SessionAttrs, SslMode, Tls, TlsVersion};
pub use received::Received;
pub use target::Target;
pub use values::{TargetError, variables};
