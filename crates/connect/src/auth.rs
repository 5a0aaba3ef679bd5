//! Which requests for authentication are followed.

use super::{login_error::LoginError, params::ChannelBinding};

const OK: u32 = 0;
const KERBEROS_V5: u32 = 2;
const CLEARTEXT_PASSWORD: u32 = 3;
const MD5_PASSWORD: u32 = 5;
const GSS: u32 = 7;
const SSPI: u32 = 9;
const SASL: u32 = 10;
const SASL_CONTINUE: u32 = 11;
const SASL_FINAL: u32 = 12;

const SCRAM: &str = "SCRAM-SHA-256";
const SCRAM_PLUS: &str = "SCRAM-SHA-256-PLUS";

/// An authentication, request by request.
#[derive(Debug)]
pub(super) struct Authentication {
    /// Whether a password is known.
    pub has_password: bool,
    /// Whether the stream is encrypted.
    pub is_encrypted: bool,
    /// Whether the log-in can be bound to the TLS session.
    pub can_bind: bool,
    /// Whether it must be.
    pub channel_binding: ChannelBinding,
    /// The server's last request; `None` before the first.
    pub last: Option<u32>,
}

impl Authentication {
    /// Checks the server's next request, given without type and length.
    pub(super) fn check(&mut self, request: &[u8]) -> Result<(), LoginError> {
        let Some((code, data)) = request.split_first_chunk() else {
            return Err(refused("the server's request is empty"));
        };
        let code = u32::from_be_bytes(*code);
        let must_bind = self.channel_binding == ChannelBinding::Require;
        match (self.last.replace(code), code) {
            (None, OK) if must_bind => Err(unbound("lets us in without a log-in")),
            (None, CLEARTEXT_PASSWORD | MD5_PASSWORD) if must_bind => {
                Err(unbound("asks for the password itself or its MD5"))
            }
            (None | Some(CLEARTEXT_PASSWORD | MD5_PASSWORD | SASL_FINAL), OK)
            | (Some(SASL), SASL_CONTINUE)
            | (Some(SASL_CONTINUE), SASL_FINAL) => Ok(()),
            (None, CLEARTEXT_PASSWORD | MD5_PASSWORD) => self.needs_password(),
            (None, SASL) => self.check_mechanisms(data, must_bind),
            (None, KERBEROS_V5 | GSS | SSPI) => Err(refused("the server wants Kerberos (GSSAPI or SSPI)")),
            (None, _) => Err(refused("the server wants a way to log in that is not known")),
            (Some(SASL), _) => Err(refused("the server broke off the SCRAM log-in")),
            // It may let us in without knowing the password.
            (Some(SASL_CONTINUE), _) => Err(refused("the server did not prove that it knows the password")),
            _ => Err(refused("the server goes on asking after the password")),
        }
    }

    fn check_mechanisms(&self, data: &[u8], must_bind: bool) -> Result<(), LoginError> {
        let names = data.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        let offered: Vec<_> = names.take_while(|name| !name.is_empty()).collect();
        let offers = |name: &str| offered.iter().any(|known| known == name);
        let binds = self.can_bind && self.channel_binding != ChannelBinding::Disable && offers(SCRAM_PLUS);
        if must_bind && !binds {
            return Err(unbound(if self.is_encrypted { "offers none" } else { "is reached without TLS" }));
        }
        self.needs_password()?;
        if !binds && !offers(SCRAM) {
            return Err(LoginError::Method(format!("the server offers {} only", offered.join(", "))));
        }
        Ok(())
    }

    fn needs_password(&self) -> Result<(), LoginError> {
        if self.has_password { Ok(()) } else { Err(LoginError::PasswordMissing) }
    }
}

fn refused(why: &str) -> LoginError {
    LoginError::Method(why.to_owned())
}

fn unbound(what: &str) -> LoginError {
    LoginError::Method(format!("channel_binding=require, but the server {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authentication() -> Authentication {
        Authentication {
            has_password: true,
            is_encrypted: true,
            can_bind: true,
            channel_binding: ChannelBinding::Prefer,
            last: None,
        }
    }

    /// Sends requests, of which `SASL` comes with the names of mechanisms: the reason why the last one is refused.
    fn end(mut authentication: Authentication, requests: &[u32], mechanisms: &str) -> Option<String> {
        let (last, before) = requests.split_last().unwrap();
        let mut check = |code: u32| authentication.check(&[&code.to_be_bytes(), mechanisms.as_bytes()].concat());
        for code in before {
            check(*code).unwrap();
        }
        check(*last).err().map(|error| error.to_string())
    }

    #[test]
    fn a_log_in_goes_step_by_step() {
        let scram = "SCRAM-SHA-256\0\0";
        for requests in
            [&[OK][..], &[CLEARTEXT_PASSWORD, OK], &[MD5_PASSWORD, OK], &[SASL, SASL_CONTINUE, SASL_FINAL, OK]]
        {
            assert_eq!(end(authentication(), requests, scram), None, "{requests:?}");
        }
        for (requests, wanted) in [
            (&[SASL, OK][..], "broke off"),
            (&[SASL, SASL_FINAL], "broke off"),
            (&[SASL, SASL_CONTINUE, OK], "did not prove"),
            (&[SASL, SASL_CONTINUE, SASL_FINAL, SASL], "goes on asking"),
            (&[CLEARTEXT_PASSWORD, CLEARTEXT_PASSWORD], "goes on asking"),
            (&[OK, OK], "goes on asking"),
            (&[GSS], "Kerberos"),
            (&[99], "not known"),
        ] {
            let why = end(authentication(), requests, scram).unwrap();
            assert!(why.contains(wanted), "{requests:?}: {why}");
        }
        assert!(authentication().check(&[0, 0]).is_err());
    }

    #[test]
    fn what_must_be_bound_is_never_let_in_unbound() {
        let required = || Authentication { channel_binding: ChannelBinding::Require, ..authentication() };
        let both = "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";
        assert_eq!(end(required(), &[SASL, SASL_CONTINUE, SASL_FINAL, OK], both), None);
        for request in [OK, CLEARTEXT_PASSWORD, MD5_PASSWORD, SASL] {
            let why = end(required(), &[request], "SCRAM-SHA-256\0\0").unwrap();
            assert!(why.contains("channel_binding=require"), "{request}: {why}");
        }
        let plain = Authentication { is_encrypted: false, can_bind: false, ..required() };
        assert!(end(plain, &[SASL], both).unwrap().contains("without TLS"));
    }

    #[test]
    fn a_mechanism_that_cannot_be_used_is_named() {
        let unable = || Authentication { can_bind: false, ..authentication() };
        let disabled = || Authentication { channel_binding: ChannelBinding::Disable, ..authentication() };
        for authentication in [unable(), disabled()] {
            let why = end(authentication, &[SASL], "SCRAM-SHA-256-PLUS\0OAUTHBEARER\0\0").unwrap();
            assert_eq!(why, "the server offers SCRAM-SHA-256-PLUS, OAUTHBEARER only");
        }
    }

    #[test]
    fn a_password_is_missed_only_if_one_is_wanted() {
        let without = || Authentication { has_password: false, ..authentication() };
        assert_eq!(end(without(), &[OK], ""), None);
        for request in [CLEARTEXT_PASSWORD, MD5_PASSWORD, SASL] {
            let request = [&request.to_be_bytes()[..], b"SCRAM-SHA-256\0\0"].concat();
            assert!(matches!(without().check(&request), Err(LoginError::PasswordMissing)));
        }
    }
}
