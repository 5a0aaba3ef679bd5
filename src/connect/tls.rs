//! TLS with libpq's meaning of `sslmode` and `sslrootcert`.

use super::{ConnectError, Kind, RootCert, SslMode, Target};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
    server::ParsedCertificate,
};
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// The connector for a target that wants TLS. Reads the root certificates.
pub(super) fn connector(target: &Target) -> Result<MakeRustlsConnect, ConnectError> {
    let failed = |why: String| ConnectError::new(target, Kind::Tls, &why);
    let roots = target.tls.root_cert.as_ref().map(Roots::load).transpose().map_err(failed)?;
    // One provider, named here, so that it does not matter what the process has installed.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier { roots, host_name: target.tls.mode == SslMode::VerifyFull, provider: provider.clone() };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(format!("TLS can't be set up ({error}); this is a fault of the program")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// Certificates that are trusted.
#[derive(Debug)]
struct Roots {
    store: RootCertStore,
    /// The same ones as they are, to recognise a server that shows one of them itself.
    own: Vec<CertificateDer<'static>>,
}

impl Roots {
    fn load(from: &RootCert) -> Result<Self, String> {
        match from {
            RootCert::System => {
                let found = rustls_native_certs::load_native_certs();
                let mut store = RootCertStore::empty();
                store.add_parsable_certificates(found.certs);
                if store.is_empty() {
                    return Err("the system has no trusted certificates; install them (the package is often called \
                                ca-certificates) or name a file with sslrootcert="
                        .to_owned());
                }
                Ok(Self { store, own: Vec::new() })
            }
            RootCert::File(path) => {
                let own: Vec<_> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|error| {
                    format!("the root certificate {} can't be read ({error}); check sslrootcert", path.display())
                })?;
                let mut store = RootCertStore::empty();
                let (added, _) = store.add_parsable_certificates(own.iter().cloned());
                if added == 0 {
                    return Err(format!("{} holds no certificate; check sslrootcert", path.display()));
                }
                Ok(Self { store, own })
            }
        }
    }
}

/// Checks a server's certificate as far as `sslmode` asks for: not at all without roots, else who signed it, and for
/// `verify-full` also whether it is for this host.
#[derive(Debug)]
struct Verifier {
    roots: Option<Roots>,
    host_name: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(roots) = &self.roots else { return Ok(ServerCertVerified::assertion()) };
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, &roots.store, intermediates, now, algorithms).or_else(
            |error| if roots.own.contains(end_entity) && !out_of_date(&error) { Ok(()) } else { Err(error) },
        )?;
        if self.host_name {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A server's own certificate may itself be the root: self-signed ones usually are, and OpenSSL takes them even where
/// they call themselves an authority, which webpki does not. Having it before us, only its dates can speak against it.
fn out_of_date(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. }
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
    use std::time::Duration;

    fn self_signed(authority: bool) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec!["db.example".to_owned()]).unwrap();
        if authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2030, 1, 1);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    fn verify(root: &CertificateDer<'static>, shown: &CertificateDer<'_>, host: &str, year: u64) -> Result<(), Error> {
        let mut store = RootCertStore::empty();
        store.add(root.clone()).unwrap();
        let verifier = Verifier {
            roots: Some(Roots { store, own: vec![root.clone()] }),
            host_name: true,
            provider: Arc::new(rustls::crypto::ring::default_provider()),
        };
        let host = ServerName::try_from(host).unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_hours((year - 1970) * 24 * 366));
        verifier.verify_server_cert(shown, &[], &host, &[], now).map(|_| ())
    }

    #[test]
    fn a_self_signed_certificate_is_its_own_root() {
        for authority in [true, false] {
            let own = self_signed(authority);
            assert_eq!(verify(&own, &own, "db.example", 2025), Ok(()), "{authority}");
            assert!(verify(&own, &own, "other.example", 2025).is_err());
            assert!(verify(&own, &own, "db.example", 2035).is_err(), "expired");
            assert!(verify(&self_signed(authority), &own, "db.example", 2025).is_err(), "another's");
        }
    }

    #[test]
    fn unreadable_roots_are_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let empty = Roots::load(&RootCert::File(file.path().into())).unwrap_err();
        assert!(empty.contains("check sslrootcert"), "{empty}");
        let missing = Roots::load(&RootCert::File("/nonexistent".into())).unwrap_err();
        assert!(missing.contains("/nonexistent") && missing.contains("check sslrootcert"), "{missing}");
    }
}
