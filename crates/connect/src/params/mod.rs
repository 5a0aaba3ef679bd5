//! libpq's connection parameters.

pub(crate) mod options;
mod parse;
mod types;

pub use types::{ChannelBinding, Endpoint, Host, Keepalives, RootCert, SessionAttrs, SslMode, Tls, TlsVersion};
