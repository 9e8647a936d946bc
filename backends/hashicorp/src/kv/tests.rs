//! Answers of the real server, and what somebody on the way could make of them.

use super::*;

const V2: &str = r#"{"request_id":"8ea3fba8-e7ee-b31a-4661-0521362e27ec","lease_id":"","renewable":false,"lease_duration":0,"data":{"data":{"n":12345678901234567000,"name":"ACME Inc."},"metadata":{"created_time":"2026-11-23T22:16:17.841873759Z","custom_metadata":null,"deletion_time":"","destroyed":false,"version":1}},"wrap_info":null,"warnings":null,"auth":null}"#;
const V1: &str = r#"{"request_id":"96eb67e2-5f01-aa01-ced6-f6e68a9352fc","lease_id":"","renewable":false,"lease_duration":2764800,"data":{"f":1.50,"n":12345678901234567890,"name":"ACME v1"},"wrap_info":null,"warnings":null,"auth":null}"#;
const EXPIRING: &str = r#"{"request_id":"cb28707d-5da2-3ec7-b2f3-8898580bc485","lease_id":"","renewable":false,"lease_duration":0,"data":{"data":{"a":"b"},"metadata":{"created_time":"2026-11-23T22:16:20.052071086Z","custom_metadata":null,"deletion_time":"2026-11-23T23:16:20.052071086Z","destroyed":false,"version":1}},"wrap_info":null,"warnings":null,"auth":null}"#;
const NULL: &str = r#"{"request_id":"df75f680-4488-1378-ff64-34a13b3f24c7","lease_id":"","renewable":false,"lease_duration":0,"data":{"data":null,"metadata":{"created_time":"2026-11-23T22:16:20.026224807Z","custom_metadata":null,"deletion_time":"","destroyed":false,"version":1}},"wrap_info":null,"warnings":null,"auth":null}"#;
const WRAPPED: &str = r#"{"request_id":"","lease_id":"","renewable":false,"lease_duration":0,"data":null,"wrap_info":{"token":"s.xbW1L5PmeVO6KosijSx0HwDD","accessor":"Pmf0pA9hhtuYuFA1JDdgan5s","ttl":60,"creation_time":"2026-11-23T22:17:02.859623665Z","creation_path":"secret/data/customer/acme"},"warnings":null,"auth":null}"#;

fn v2(body: &str, version: Option<u64>) -> Result<Document, Error> {
    Engine::V2.document(body.as_bytes(), "customer/acme", version)
}

#[test]
fn a_document_of_v2_has_its_version_and_times() {
    let document = v2(V2, None).unwrap();
    assert_eq!(document.as_bytes(), br#"{"n":12345678901234567000,"name":"ACME Inc."}"#);
    assert_eq!(document.version(), Some(1));
    let created = document.created().unwrap();
    assert_eq!(humantime::format_rfc3339_nanos(created).to_string(), "2026-11-23T22:16:17.841873759Z");
    assert_eq!(document.expires_at(), None);
    let expires = v2(EXPIRING, None).unwrap().expires_at().unwrap();
    assert_eq!(humantime::format_rfc3339_nanos(expires).to_string(), "2026-11-23T23:16:20.052071086Z");
}

#[test]
fn a_document_of_v1_keeps_every_digit_and_has_no_version() {
    let document = Engine::V1.document(V1.as_bytes(), "customer/acme", None).unwrap();
    assert_eq!(document.as_bytes(), br#"{"f":1.50,"n":12345678901234567890,"name":"ACME v1"}"#);
    assert_eq!((document.version(), document.expires_at()), (None, None));
}

#[test]
fn the_version_is_the_one_asked_for() {
    assert!(v2(V2, Some(1)).is_ok());
    let error = v2(V2, Some(2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert!(error.is_retryable());
    assert!(v2(&V2.replace("\"version\":1", "\"version\":0"), None).is_err());
}

#[test]
fn what_was_written_as_null_is_no_document() {
    let error = v2(NULL, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidValue);
    assert!(!error.is_retryable());
    assert!(error.to_string().contains("holds no data"), "{error}");
}

#[test]
fn a_lease_makes_a_dynamic_secret() {
    for (engine, body) in [(Engine::V1, V1), (Engine::V2, V2)] {
        let leased = body.replace("\"lease_id\":\"\"", "\"lease_id\":\"database/creds/x/canary\"");
        let error = engine.document(leased.as_bytes(), "creds/x", None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("dynamic secret") && !error.to_string().contains("canary"));
    }
}

#[test]
fn destroyed_is_believed_whatever_the_status() {
    let error = v2(&V2.replace("\"destroyed\":false", "\"destroyed\":true"), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deleted);
}

#[test]
fn what_is_said_of_a_resource_shows_it_escaped_and_names_the_status() {
    let resource = format!("null\u{9b}\u{202e}x{}", "y".repeat(1000));
    let leased = V2.replace("\"lease_id\":\"\"", "\"lease_id\":\"x\"");
    let destroyed = V2.replace("\"destroyed\":false", "\"destroyed\":true");
    for body in [leased.as_str(), &destroyed, NULL] {
        let error = Engine::V2.document(body.as_bytes(), &resource, None).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(r"`null\u{9b}\u{202e}xyyy") && said.chars().count() < 400, "{said}");
        assert!(said.contains("(HTTP 200)") && error.status() == Some(200), "{said}");
    }
}

#[test]
fn what_is_of_another_shape_is_believed_in_nothing() {
    let destroyed = V2.replace("\"destroyed\":false", "\"destroyed\":true");
    for body in [destroyed.as_str(), NULL] {
        for (was, is) in [
            ("\"created_time\":\"", "\"canary\":\""),
            ("\"created_time\":", "\"created_time\":5,\"canary\":"),
            ("\"deletion_time\":\"\"", "\"deletion_time\":null"),
            ("\"destroyed\":", "\"destroyed\":0,\"canary\":"),
        ] {
            let error = v2(&body.replace(was, is), None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{was}");
            assert!(error.is_retryable() && error.to_string().contains("not the shape"), "{error}");
        }
    }
}

#[test]
fn what_is_no_object_is_told_from_what_is_no_json() {
    for engine in [Engine::V1, Engine::V2] {
        let said = |body: &str| engine.document(body.as_bytes(), "x", None).unwrap_err().to_string();
        for body in ["[]", "null", "\"x\"", " 1 "] {
            assert!(said(body).ends_with(": it is no JSON object"), "{body}: {}", said(body));
        }
        for body in ["", " ", "[", "{}{}", "[] []", "<html>"] {
            assert!(said(body).ends_with(": it is not valid JSON"), "{body}: {}", said(body));
        }
    }
}

#[test]
fn fields_of_the_first_engine_are_called_what_they_like() {
    let fields =
        r#"{"data":{"data":1,"metadata":null},"metadata":"m","lease_id":"x","errors":["e"],"wrap_info":{}}"#;
    let body = V1.replace(r#"{"f":1.50,"n":12345678901234567890,"name":"ACME v1"}"#, fields);
    let document = Engine::V1.document(body.as_bytes(), "customer/acme", None).unwrap();
    assert_eq!(document.as_bytes(), fields.as_bytes());
    let body = V2.replace(r#"{"n":12345678901234567000,"name":"ACME Inc."}"#, fields);
    assert_eq!(v2(&body, None).unwrap().as_bytes(), fields.as_bytes());
}

#[test]
fn what_no_kv_mount_answers_is_refused_unquoted_and_may_pass() {
    for body in [
        String::new(),
        "null".into(),
        "[]".into(),
        "<html>canary</html>".into(),
        "\u{feff}{}".into(),
        "{}".into(),
        V2[..V2.len() - 1].into(),
        format!("{V2}{V2}"),
        WRAPPED.into(),
        V2.replace("\"auth\":null", "\"auth\":null,\"errors\":[\"canary\"]"),
        V2.replace("\"auth\":null", "\"auth\":null,\"data\":{\"data\":{\"canary\":1}}"),
        V2.replace("\"auth\":null", "\"canary\":1,\"canary\":2"),
        V2.replace("\"name\":", "\"n\":\"canary\",\"name\":"),
        V2.replace("\"destroyed\":false", "\"version\":1,\"version\":1"),
        V2.replace("\"version\":1", "\"version\":\"canary\""),
        V2.replace("\"version\":1", "\"version\":-1"),
        V2.replace("\"version\":1", "\"v\":1"),
        V2.replace("2026-11-23T22", "canary"),
        V2.replace("\"deletion_time\":\"\"", "\"deletion_time\":\"canary\""),
        V2.replace("\"metadata\"", "\"meta\""),
        V2.replace("{\"n\":12345678901234567000,\"name\":\"ACME Inc.\"}", "[\"canary\"]"),
        V2.replace("\"lease_id\":\"\"", "\"lease_id\":1"),
        V2.replace("\"lease_id\":\"\"", "\"lease_id\":null"),
        V1.into(),
    ] {
        let error = v2(&body, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{body}: {error:?}");
        assert!(error.is_retryable() && error.status() == Some(200), "{body}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
    let invalid = Engine::V2.document(b"{\"data\":\"\xff\"}", "x", None).unwrap_err();
    assert_eq!(invalid.kind(), ErrorKind::InvalidResponse);
}

#[test]
fn what_nests_too_deep_will_do_so_the_next_time() {
    let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    // The fields of a secret are the third level of an answer of KV v2, the second of one of KV v1.
    assert!(v2(&V2.replace("\"ACME Inc.\"", &deep(61)), None).is_ok());
    let of_v1 = Engine::V1.document(V1.replace("1.50", &deep(63)).as_bytes(), "x", None);
    for result in [v2(&V2.replace("\"ACME Inc.\"", &deep(62)), None), of_v1] {
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidResponse, Some(200)));
        assert!(!error.is_retryable(), "{error}");
        assert!(error.to_string().starts_with("the answer is JSON nested deeper than 64 levels (HTTP 200)"));
    }
    let error = engine_of_mount(format!("{{\"data\":{}}}", deep(64)).as_bytes()).unwrap_err();
    assert!(!error.is_retryable(), "{error}");
}

#[test]
fn a_resource_lies_where_its_engine_keeps_it() {
    let located = |engine: Engine, mount: &str, resource: &str, version| {
        let (path, query) = engine.locate(mount, resource, version).unwrap();
        (path.as_str().to_owned(), query)
    };
    assert_eq!(located(Engine::V1, "secret", "a/b", None), ("/v1/secret/a/b".into(), None));
    assert_eq!(located(Engine::V2, "secret", "a/b", None), ("/v1/secret/data/a/b".into(), None));
    assert_eq!(
        located(Engine::V2, "team/kv", "a", Some(7)),
        ("/v1/team/kv/data/a".into(), Some("version=7".into()))
    );
    assert_eq!(located(Engine::V2, "data", "data", None).0, "/v1/data/data/data");
    assert_eq!(located(Engine::V1, "data", "data", None).0, "/v1/data/data");
}

#[test]
fn versions_that_cannot_be_are_refused_without_asking() {
    let error = Engine::V1.locate("secret", "a", Some(2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("KV v1 keeps no versions"), "{error}");
    let error = Engine::V2.locate("secret", "a", Some(u64::MAX)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn the_mount_tells_its_version() {
    let of = |kind: &str, options: &str| {
        let body = format!(
            r#"{{"request_id":"x","data":{{"accessor":"kv_1","options":{options},"path":"secret/","type":"{kind}"}},"auth":null}}"#
        );
        engine_of_mount(body.as_bytes()).unwrap()
    };
    assert_eq!(of("kv", r#"{"version":"2"}"#), Some(Engine::V2));
    assert_eq!(of("kv", r#"{"version":"1"}"#), Some(Engine::V1));
    assert_eq!(of("kv", "null"), Some(Engine::V1));
    assert_eq!(of("generic", "{}"), Some(Engine::V1));
    assert_eq!(of("transit", "{}"), None);
    assert_eq!(of("cubbyhole", "null"), None);
    assert!(engine_of_mount(b"{\"data\":null}").is_err());
    assert!(engine_of_mount(br#"[["kv",{"version":"2"}]]"#).is_err(), "a list is no answer");
}
