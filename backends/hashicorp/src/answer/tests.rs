//! Each row by the real body of the server that says it: OpenBao 2.7.2, and HashiCorp Vault where it differs.

mod kept;

use super::*;

fn of(status: u16, body: &str) -> Meaning {
    meaning(On::Read, status, &Said::read(body.as_bytes()))
}

fn of_login(status: u16, body: &str) -> Meaning {
    meaning(On::Login, status, &Said::read(body.as_bytes()))
}

fn of_token(status: u16, body: &str) -> Meaning {
    meaning(On::Token, status, &Said::read(body.as_bytes()))
}

const DELETED: &str = r#"{"request_id":"290a1503-4650-5f49-8f2c-06638c678606","lease_id":"","renewable":false,"lease_duration":0,"data":{"data":null,"metadata":{"created_time":"2026-11-23T22:16:19.984122239Z","custom_metadata":null,"deletion_time":"2026-11-23T22:16:19.993018126Z","destroyed":false,"version":2}},"wrap_info":null,"warnings":null,"auth":null}"#;
const DESTROYED: &str = r#"{"request_id":"e3fa541b-d56d-0634-bfc9-f5696fed1d03","lease_id":"","renewable":false,"lease_duration":0,"data":{"data":null,"metadata":{"created_time":"2026-11-23T22:16:19.976646675Z","custom_metadata":null,"deletion_time":"","destroyed":true,"version":1}},"wrap_info":null,"warnings":null,"auth":null}"#;
const VERSIONED: &str = r#"{"request_id":"7e89a064-2f08-a87f-f349-ef8bc44a505b","lease_id":"","renewable":false,"lease_duration":0,"data":null,"wrap_info":null,"warnings":["Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use. If using the OpenBao CLI, use 'bao kv get' for this operation."],"auth":null}"#;
const VERSIONED_VAULT: &str = r#"{"request_id":"x","lease_id":"","renewable":false,"lease_duration":0,"data":null,"wrap_info":null,"warnings":["Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use. If using the Vault CLI, use 'vault kv get' for this operation."],"auth":null}"#;
const POLICY: &str = r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#;
const BARE: &str = r#"{"errors":["permission denied"]}"#;

#[test]
fn reads() {
    for (status, body, expected) in [
        (101, "", M::Broken),
        (204, "", M::Broken),
        (206, "{}", M::Broken),
        (301, "", M::Redirect),
        (302, "", M::Redirect),
        (308, "", M::Redirect),
        (304, "", M::Redirect),
        (307, "", M::Standby),
        (307, "<a href=\"/v1/secret/x\">Temporary Redirect</a>.\n\n", M::Standby),
        (400, "", M::BadRequest),
        (400, "400 Bad Request", M::BadRequest),
        (400, r#"{"errors":["relative paths not supported"]}"#, M::BadRequest),
        (
            400,
            r#"{"errors":["Field validation failed: error converting input for field \"version\": '' cannot parse value as 'int': strconv.ParseInt: invalid syntax"]}"#,
            M::BadRequest,
        ),
        (400, "Client sent an HTTP request to an HTTPS server.\n", M::WantsTls),
        (400, r#"{"errors":["missing client token"]}"#, M::DeadToken),
        (403, BARE, M::DeadToken),
        (
            403,
            r#"{"errors":["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}"#,
            M::DeadToken,
        ),
        (403, r#"{"errors":["bad token"]}"#, M::DeadToken),
        (403, POLICY, M::Denied),
        (403, r#"{"errors":["permission denied","permission denied"]}"#, M::Denied),
        (403, r#"{"errors":[]}"#, M::Denied),
        (403, "", M::Broken),
        (403, "<html>Forbidden</html>", M::Broken),
        (403, r#"{"message":"no API key found in request"}"#, M::Broken),
        (403, r#"{"errors":["permission den"#, M::Broken),
        (
            403,
            r#"{"errors":["preflight capability check returned 403, please ensure client's policies grant access to path \"kv1/\""]}"#,
            M::HiddenMount,
        ),
        (404, r#"{"errors":[]}"#, M::Absent),
        (404, "", M::Broken),
        (404, "default backend - 404", M::Broken),
        (404, r#"{"message":"no Route matched with those values"}"#, M::Broken),
        (404, DELETED, M::Deleted),
        (404, DESTROYED, M::Destroyed),
        (404, VERSIONED, M::IsVersioned),
        (404, VERSIONED_VAULT, M::IsVersioned),
        (
            404,
            r#"{"errors":["no handler for route \"nomount/data/x\". route entry not found."]}"#,
            M::NoMount,
        ),
        (404, r#"{"errors":["namespace not found"]}"#, M::NoNamespace),
        (404, r#"{"errors":["1 error occurred:\n\t* unsupported path\n\n"]}"#, M::NotKv),
        (405, r#"{"errors":["unsupported operation"]}"#, M::NotKv),
        (408, "", M::TooSlow),
        (412, r#"{"errors":["missing \"X-Vault-Request\" header"]}"#, M::HeaderLost),
        (412, r#"{"errors":["required index state not present"]}"#, M::Failing),
        (413, "", M::Unknown),
        (
            429,
            r#"{"errors":["request path \"secret/data/customer/acme\": rate limit quota exceeded"]}"#,
            M::TooMany,
        ),
        (472, "", M::Standby),
        (473, "", M::Standby),
        (500, r#"{"errors":["1 error occurred:\n\t* could not find version data\n\n"]}"#, M::Unknown),
        (500, r#"{"errors":["local node not active but active cluster node not found"]}"#, M::Standby),
        (500, r#"{"errors":["leadership lost while committing log"]}"#, M::Failing),
        (500, r#"{"errors":["1 error occurred:\n\t* failed to persist\n\n"]}"#, M::Failing),
        (501, "", M::Failing),
        (502, "<html>Bad Gateway</html>", M::Failing),
        (503, r#"{"errors":["Vault is sealed"]}"#, M::Sealed),
        (
            503,
            r#"{"errors":["API access to this namespace has been locked by an administrator - \"team1/\" must be unlocked to gain access."]}"#,
            M::Locked,
        ),
        (503, r#"{"errors":["node is not active"]}"#, M::Standby),
        (503, r#"{"errors":["no active Vault instance found"]}"#, M::Standby),
        (503, "", M::Failing),
        (504, "", M::Failing),
        (599, "", M::Failing),
    ] {
        assert_eq!(of(status, body), expected, "{status} {body}");
    }
}

#[test]
fn logins() {
    for (status, body, expected) in [
        (400, r#"{"errors":["invalid role or secret ID"]}"#, M::BadCredential),
        (400, r#"{"errors":["wrapping token is not valid or does not exist"]}"#, M::BadCredential),
        (400, "Client sent an HTTP request to an HTTPS server.\n", M::WantsTls),
        // A mount that does not exist answers as a credential that is refused.
        (403, BARE, M::BareRefusal),
        (403, r#"{"errors":["service account name not authorized"]}"#, M::BadCredential),
        (403, r#"{"errors":["invalid expiration time (exp) claim: token is expired"]}"#, M::BadCredential),
        (400, r#"{"errors":["invalid certificate or no client certificate supplied"]}"#, M::BadCredential),
        (400, r#"{"errors":["invalid role name \"zz\""]}"#, M::BadCredential),
        (403, POLICY, M::BadCredential),
        (400, "<html>Bad Request</html>", M::Broken),
        (401, "", M::Broken),
        (403, "<html>Forbidden</html>", M::Broken),
        (404, "default backend - 404", M::Broken),
        (405, "", M::Broken),
        (404, r#"{"errors":["namespace not found"]}"#, M::NoNamespace),
        (404, r#"{"errors":[]}"#, M::NoMount),
        (
            500,
            r#"{"errors":["failed to verify client's certificate: x509: certificate has expired"]}"#,
            M::BadCredential,
        ),
        (
            500,
            r#"{"errors":["client identity during renewal not matching client identity used during login"]}"#,
            M::BadCredential,
        ),
        (
            500,
            r#"{"errors":["error decrementing wrapping token's use-count: invalid token"]}"#,
            M::BadCredential,
        ),
        (500, r#"{"errors":["could not load backend configuration"]}"#, M::Failing),
        (503, r#"{"errors":["Vault is sealed"]}"#, M::Sealed),
        (429, "", M::TooMany),
    ] {
        assert_eq!(of_login(status, body), expected, "{status} {body}");
    }
}

#[test]
fn about_the_token() {
    for (status, body, expected) in [
        (400, r#"{"errors":["batch tokens cannot be renewed"]}"#, M::NotRenewable),
        (400, r#"{"errors":["batch tokens cannot be revoked"]}"#, M::NotRenewable),
        (400, r#"{"errors":["lease is not renewable"]}"#, M::NotRenewable),
        (400, r#"{"errors":["no client certificate found"]}"#, M::NotRenewable),
        (
            500,
            r#"{"errors":["client identity during renewal not matching client identity used during login"]}"#,
            M::NotRenewable,
        ),
        (
            500,
            r#"{"errors":["failed to verify client's certificate: x509: certificate has expired"]}"#,
            M::NotRenewable,
        ),
        (400, r#"{"errors":["wrapping token is not valid or does not exist"]}"#, M::BadRequest),
        (403, BARE, M::DeadToken),
        (403, POLICY, M::Denied),
        (500, r#"{"errors":["internal error"]}"#, M::Failing),
        (503, r#"{"errors":["Vault is sealed"]}"#, M::Sealed),
    ] {
        assert_eq!(of_token(status, body), expected, "{status} {body}");
    }
}

#[test]
fn a_redirect_within_the_server_is_our_own_path_and_no_standby() {
    for (location, expected) in [
        (None, M::Standby),
        (Some("/v1/secret/data/x"), M::Redirect),
        (Some("//elsewhere/v1/secret/data/x"), M::Standby),
        (Some("http://127.0.0.1:8200/v1/secret/data/x"), M::Standby),
    ] {
        let said = Said::default().leading_to(location);
        assert_eq!(meaning(On::Read, 307, &said), expected, "{location:?}");
    }
}

#[test]
fn a_success_brings_a_secret_whole() {
    assert!(is_success(On::Read, 200) && is_success(On::Token, 204) && is_success(On::Login, 200));
    assert!([201, 203, 204, 206].iter().all(|status| !is_success(On::Read, *status)));
    assert!([100, 101, 300, 304, 404].iter().all(|status| !is_success(On::Token, *status)));
}

#[test]
fn a_node_that_serves_nobody_is_told_from_a_request_that_fails() {
    for (meaning, status, of_the_node) in [
        (M::Sealed, 503, true),
        (M::Standby, 307, true),
        (M::Standby, 500, true),
        (M::Failing, 502, true),
        (M::Failing, 503, true),
        (M::Failing, 504, true),
        (M::Failing, 500, false),
        (M::Failing, 412, false),
        (M::Locked, 503, false),
        (M::TooMany, 429, false),
        (M::DeadToken, 403, false),
        (M::Absent, 404, false),
    ] {
        assert_eq!(meaning.is_of_the_node(status), of_the_node, "{meaning:?} {status}");
    }
}

#[test]
fn a_denial_is_never_not_found_and_a_fault_that_stays_never_passes() {
    for denial in [M::Denied, M::HiddenMount, M::DeadToken, M::BadCredential, M::BareRefusal] {
        assert!(denial.kind() != ErrorKind::NotFound && !denial.passes());
    }
    for passing in [M::Standby, M::Sealed, M::Locked, M::TooMany, M::TooSlow, M::Failing, M::Broken] {
        assert!(passing.passes());
    }
    assert!(!M::Redirect.passes() && !M::Deleted.passes() && !M::Absent.passes());
}

#[test]
fn a_body_of_another_shape_says_nothing() {
    for body in ["", "null", "[]", "{", "{\"errors\":7}", "<html>no handler for route</html>", "\u{feff}{}"] {
        assert_eq!(Said::read(body.as_bytes()).texts().count(), 0, "{body}");
    }
    assert_eq!(Said::read(&[0xff, 0xfe]).texts().count(), 0);
}
