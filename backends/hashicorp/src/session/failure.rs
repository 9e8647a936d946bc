//! What a failure says: of the token, of the credential, or of neither.

use strongroom_core::{Error, ErrorKind};

/// Whether a failed login was refused for its credential, which only another credential mends. Certificates, files and
/// whoever answers in the server's place are mended without anybody telling us, and soon.
pub(super) fn refuses_the_credential(error: &Error) -> bool {
    !error.is_retryable() && matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lasting_refusal_is_one_of_the_credential() {
        for kind in [ErrorKind::Unauthenticated, ErrorKind::PermissionDenied] {
            assert!(refuses_the_credential(&Error::new(kind, "refused")));
            assert!(!refuses_the_credential(&Error::new(kind, "the cluster may be away").transient()));
        }
        for kind in [
            ErrorKind::Unavailable,
            ErrorKind::InvalidConfig,
            ErrorKind::InvalidResponse,
            ErrorKind::NotFound,
            ErrorKind::Internal,
        ] {
            assert!(!refuses_the_credential(&Error::new(kind, "something else")), "{kind}");
        }
    }
}
