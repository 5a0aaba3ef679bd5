//! TLS with libpq's meaning of `sslmode` and `sslrootcert`.

use super::{
    RootCert, SslMode,
    params::{Tls, TlsVersion},
};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{
        CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _,
    },
    server::ParsedCertificate,
    version::{TLS12, TLS13},
};
use std::{path::Path, sync::Arc};

/// PostgreSQL's name in a TLS handshake: a server of another protocol on the same port turns us away.
pub(super) const ALPN: &[u8] = b"postgresql";

/// The configuration for the rules of a target. Reads certificates and keys: they may have been renewed.
///
/// # Errors
/// What can't be read or used, and what to do.
pub(super) fn config(rules: &Tls) -> Result<Arc<ClientConfig>, String> {
    let roots = rules.root_cert.as_ref().map(Roots::load).transpose()?;
    // One provider, named here, so that it does not matter what the process has installed.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let revoked = match (&rules.revoked, &roots) {
        (Some(path), Some(roots)) => Some(Revoked::load(path, roots, &provider)?),
        _ => None,
    };
    let verifier =
        Verifier { roots, revoked, host_name: rules.mode == SslMode::VerifyFull, provider: provider.clone() };
    let versions: Vec<_> = [(TlsVersion::V1_2, &TLS12), (TlsVersion::V1_3, &TLS13)]
        .into_iter()
        .filter(|(version, _)| (rules.min_version..=rules.max_version).contains(version))
        .map(|(_, version)| version)
        .collect();
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|error| format!("no version of TLS is left ({error}); check ssl_min_protocol_version and its max"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match &rules.certificate {
        None => builder.with_no_client_auth(),
        Some(certificate) => {
            let (chain, key) = own_certificate(certificate, rules.key.as_deref())?;
            builder.with_client_auth_cert(chain, key).map_err(|error| {
                format!(
                    "certificate {} and its key don't fit ({error}); check sslcert and sslkey",
                    certificate.display()
                )
            })?
        }
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.enable_sni = rules.sni;
    Ok(Arc::new(config))
}

/// The certificate that we show, with its chain, and its key.
fn own_certificate(
    certificate: &Path,
    key: Option<&Path>,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| format!("the certificate {} can't be read ({error}); check sslcert", certificate.display()))?;
    let key = key.ok_or_else(|| format!("certificate {} has no key; name it with sslkey", certificate.display()))?;
    let read = PrivateKeyDer::from_pem_file(key).map_err(|error| {
        let encrypted = std::fs::read_to_string(key).is_ok_and(|text| text.contains("ENCRYPTED"));
        if encrypted {
            format!("the key {} is encrypted, which is not supported; give it without a passphrase", key.display())
        } else {
            format!("the key {} can't be read ({error}); check sslkey", key.display())
        }
    })?;
    Ok((chain, read))
}

/// Additional checks, if a list of revoked certificates was given.
#[derive(Debug)]
struct Revoked(Arc<WebPkiServerVerifier>);

impl Revoked {
    fn load(path: &Path, roots: &Roots, provider: &Arc<CryptoProvider>) -> Result<Self, String> {
        let failed = |why: String| format!("the list of revoked certificates {} {why}; check sslcrl", path.display());
        let lists: Vec<_> = CertificateRevocationListDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|error| failed(format!("can't be read ({error})")))?;
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots.store.clone()), provider.clone())
            .with_crls(lists)
            .allow_unknown_revocation_status()
            .build()
            .map(Self)
            .map_err(|error| failed(format!("can't be used ({error})")))
    }
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
    revoked: Option<Revoked>,
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
        if let Some(Revoked(lists)) = &self.revoked {
            // Everything else was judged above.
            let judged = lists.verify_server_cert(end_entity, intermediates, server_name, &[], now);
            if let Err(error @ Error::InvalidCertificate(CertificateError::Revoked)) = judged {
                return Err(error);
            }
        }
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

/// A server's own certificate may itself be the root: self-signed ones usually are, and OpenSSL accepts them even if
/// they are marked as an authority, which webpki does not. If we have the certificate itself, only its dates matter.
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
            revoked: None,
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
