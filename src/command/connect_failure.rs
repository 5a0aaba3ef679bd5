//! What a connection that could not be made means for a command.

use refreshtop_connect::Kind;
use refreshtop_core::exit;

/// The exit code of a command that ends because of it.
pub fn exit_code(kind: Kind) -> u8 {
    match kind {
        Kind::NotPermitted => exit::NOT_PERMITTED,
        _ => exit::CANNOT_CONNECT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_by_the_servers_rules_is_one_of_rights() {
        assert_eq!(exit_code(Kind::NotPermitted), exit::NOT_PERMITTED);
        for kind in [Kind::Refused, Kind::PasswordWrong, Kind::RoleMissing] {
            assert_eq!(exit_code(kind), exit::CANNOT_CONNECT, "{kind:?}");
        }
    }
}
