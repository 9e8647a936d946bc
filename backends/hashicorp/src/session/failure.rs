//! What a failure says: of the token, of the credential, or of neither.

use strongroom_core::{Error, ErrorKind};

/// Whether a failed login was refused for its credential, which only another credential mends. Certificates, files and
/// whoever answers in the server's place are mended without anybody telling us, and soon.
pub(super) fn refuses_the_credential(error: &Error) -> bool {
    !error.is_retryable() && matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::PermissionDenied)
}

/// Whether a failed renewal says that the token, or its rights, allow none. All else may pass while the token lives.
pub(super) fn ends_renewals(error: &Error) -> bool {
    !error.is_retryable() && matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Meaning;

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
            assert!(!ends_renewals(&Error::new(kind, "something else")), "{kind}");
        }
    }

    #[test]
    fn only_what_is_said_of_the_token_ends_its_renewals() {
        for meaning in [Meaning::NotRenewable, Meaning::Denied] {
            assert!(ends_renewals(&Error::new(meaning.kind(), "not this one")), "{meaning:?}");
        }
        for meaning in
            [Meaning::BadRequest, Meaning::Absent, Meaning::NotKv, Meaning::Redirect, Meaning::Unknown]
        {
            assert!(!ends_renewals(&Error::new(meaning.kind(), "a gateway's page")), "{meaning:?}");
        }
    }
}
