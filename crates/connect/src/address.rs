//! The addresses behind the name of a host.

use super::{Endpoint, Host};
use std::{io, net::SocketAddr, path::PathBuf};

/// One address of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// TCP.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// The addresses behind an endpoint; several for a name that has several.
///
/// # Errors
/// The name is not known.
pub(super) async fn resolve(endpoint: &Endpoint, shuffled: bool) -> io::Result<Vec<Address>> {
    let mut addresses: Vec<Address> = match (&endpoint.host, endpoint.address) {
        (Host::Unix(folder), _) => vec![Address::Unix(folder.join(format!(".s.PGSQL.{}", endpoint.port)))],
        (Host::Tcp(_), Some(address)) => vec![Address::Tcp(address)],
        (Host::Tcp(name), None) => {
            tokio::net::lookup_host((name.as_str(), endpoint.port)).await?.map(Address::Tcp).collect()
        }
    };
    if addresses.is_empty() {
        return Err(io::Error::other("the lookup of the name gave no address"));
    }
    if shuffled {
        fastrand::shuffle(&mut addresses);
    }
    Ok(addresses)
}
