//! What a reference means, on a real server: every kind of value a secret may hold.

use serde_json::{Value, json};

use crate::harness::{Cli, Run};
use crate::server;

/// The vaults of these tests, each with a secret `<test>/value` that holds `data`.
fn vaults(test: &str, data: &Value) -> Cli {
    let path = format!("{test}/value");
    server::api().write_kv2("secret", &path, data);
    server::api().write_kv1("kv1", &path, data);
    server::cli(&[
        ("my-v2", "kv: v2"),
        ("my-v1", "kv: v1, mount: kv1"),
        ("open-v2", "kv: v2, reveal_keys: true"),
        ("base64-v2", "kv: v2, base64_decode: true"),
    ])
}

#[track_caller]
fn get(cli: &Cli, reference: &str) -> Run {
    cli.run(&["-c", "kong.yaml", "get", reference])
}

#[test]
fn a_string_is_printed_unchanged() {
    let data = json!({
        "plain": "ACME canary",
        "empty": "",
        "space": "  canary\n\t ",
        "unicode": "é日\u{1f511} canary",
        "reference": "{vault://env/HOME} canary",
        "json": "{\"a\": \"canary\"}",
        "a.b": "canary of dots",
        "slash/key": "canary of slashes",
    });
    let cli = vaults("strings", &data);
    for vault in ["my-v1", "my-v2"] {
        let prints = |key: &str, value: &str| {
            get(&cli, &format!("{vault}/strings/value/{key}")).prints(&format!("{value}\n"));
        };
        for key in ["plain", "empty", "space", "unicode", "reference", "json", "a.b"] {
            prints(key, data[key].as_str().unwrap());
        }
        prints("slash%2Fkey", "canary of slashes");
    }
}

#[test]
fn numbers_and_booleans_are_their_json_text() {
    let data = json!({"small": 8200, "negative": -1.5, "yes": true, "no": false});
    let cli = vaults("numbers", &data);
    for vault in ["my-v1", "my-v2"] {
        for (key, text) in [("small", "8200"), ("negative", "-1.5"), ("yes", "true"), ("no", "false")] {
            get(&cli, &format!("{vault}/numbers/value/{key}")).prints(&format!("{text}\n"));
        }
    }
    // KV v2 rounds what it is given, KV v1 keeps it.
    let literal = r#"{"big": 12345678901234567890, "fraction": 1.50, "exponent": 1e2}"#;
    let (status, answer) = server::api().send("POST", "kv1/numbers/literal", literal).unwrap();
    assert_eq!(status, 204, "{answer}");
    for (key, text) in [("big", "12345678901234567890"), ("fraction", "1.50"), ("exponent", "1e2")] {
        get(&cli, &format!("my-v1/numbers/literal/{key}")).prints(&format!("{text}\n"));
    }
}

#[test]
fn null_is_no_value() {
    let cli = vaults("null", &json!({"nothing": null, "something": "canary"}));
    for vault in ["my-v1", "my-v2"] {
        get(&cli, &format!("{vault}/null/value/nothing"))
            .fails_with(1, "): key `nothing` in `null/value`: null value");
    }
}

#[test]
fn objects_and_arrays_need_a_pointer_to_a_scalar() {
    let data = json!({"servers": [{"name": "canary one"}, {"name": "canary two", "port": 5432}], "a/b": {"~": "canary"}});
    let cli = vaults("nested", &data);
    for vault in ["my-v1", "my-v2"] {
        get(&cli, &format!("{vault}/nested/value/servers")).fails_with(1, "not a scalar but an array");
        get(&cli, &format!("{vault}/nested/value/servers?pointer=/0"))
            .fails_with(1, "not a scalar but an object");
        get(&cli, &format!("{vault}/nested/value/servers?pointer=/1/name")).prints("canary two\n");
        get(&cli, &format!("{vault}/nested/value/servers?pointer=/1/port")).prints("5432\n");
        get(&cli, &format!("{vault}/nested/value/servers?pointer=/2/name")).fails_with(1, "leads nowhere");
        // Without a key it starts at the document.
        get(&cli, &format!("{vault}/nested/value/?pointer=/servers/0/name")).prints("canary one\n");
        get(&cli, &format!("{vault}/nested/value/?pointer=/a~1b/~0")).prints("canary\n");
        get(&cli, &format!("{vault}/nested/value/servers?pointer=0"))
            .fails_with(1, "expected a JSON pointer");
    }
}

#[test]
fn a_missing_key_is_an_error_and_names_are_revealed_on_demand() {
    let cli = vaults("keys", &json!({"name": "canary", "port": 1}));
    get(&cli, "my-v2/keys/value/nmae").fails(
        1,
        &[
            "error: could not resolve {vault://my-v2/keys/value/nmae}",
            &format!(
                "  vault `my-v2` (hcv, {}, mount `secret`, KV v2): no such key `nmae` in `keys/value`",
                server::dev().address()
            ),
        ],
    );
    get(&cli, "my-v1/keys/value/nmae")
        .fails_with(1, "mount `kv1`, KV v1): no such key `nmae` in `keys/value`");
    get(&cli, "open-v2/keys/value/nmae")
        .fails_with(1, "no such key `nmae` in `keys/value`; it has `name`, `port`");
}

#[test]
fn without_a_key_the_whole_document_is_printed() {
    let cli = vaults("whole", &json!({"name": "canary", "list": [1, {"a": null}]}));
    for vault in ["my-v1", "my-v2"] {
        get(&cli, &format!("{vault}/whole/value/"))
            .prints("{\"list\":[1,{\"a\":null}],\"name\":\"canary\"}\n");
    }
}

#[test]
fn base64_is_decoded_where_the_vault_or_the_reference_asks() {
    // "canary: <bytes>" in the standard alphabet, the URL alphabet, and without padding.
    let data = json!({"standard": "Y2FuYXJ5OiD7/w==", "url": "Y2FuYXJ5OiD7_w==", "bare": "Y2FuYXJ5OiD7/w", "bad": "canary!", "number": 5});
    let cli = vaults("base64", &data);
    for key in ["standard", "url", "bare"] {
        assert_eq!(get(&cli, &format!("base64-v2/base64/value/{key}")).stdout, b"canary: \xfb\xff\n");
        assert_eq!(
            get(&cli, &format!("my-v2/base64/value/{key}?base64_decode")).stdout,
            b"canary: \xfb\xff\n"
        );
    }
    get(&cli, "base64-v2/base64/value/bare?base64_decode=false").prints("Y2FuYXJ5OiD7/w\n");
    get(&cli, "base64-v2/base64/value/number").prints("5\n");
    get(&cli, "base64-v2/base64/value/bad").fails_with(1, "key `bad` in `base64/value`: not base64");
    get(&cli, "my-v2/base64/value/number?base64_decode").fails_with(1, "decodes strings");
    let object = cli.run(&["-c", "kong.yaml", "get", "--json", "base64-v2/base64/value/url"]).json();
    assert_eq!(object["value_base64"], "Y2FuYXJ5OiD7/w==");
}

#[test]
fn a_version_is_read_where_there_are_versions() {
    let cli = vaults("versions", &json!({"name": "canary one"}));
    let second = server::api().write_kv2("secret", "versions/value", &json!({"name": "canary two"}));
    get(&cli, "my-v2/versions/value/name").prints("canary two\n");
    get(&cli, &format!("my-v2/versions/value/name#{second}")).prints("canary two\n");
    get(&cli, &format!("my-v2/versions/value/name#{}", second - 1)).prints("canary one\n");
    let object = cli.run(&["-c", "kong.yaml", "get", "--json", "my-v2/versions/value/name"]).json();
    assert_eq!((&object["value"], &object["version"]), (&json!("canary two"), &json!(second)));
    let object = cli.run(&["-c", "kong.yaml", "get", "--json", "my-v1/versions/value/name"]).json();
    assert_eq!(object["version"], Value::Null);
}

#[test]
fn a_path_is_encoded_once() {
    let path = "paths/a b+c%20é?#&=";
    server::api().write_kv2("secret", path, &json!({"k y": "canary"}));
    let cli = vaults("paths", &json!({"other": 1}));
    get(&cli, "my-v2/paths/a%20b+c%2520%C3%A9%3F%23&=/k%20y").prints("canary\n");
}

#[test]
fn options_that_no_vault_knows_are_refused_and_the_known_ones_checked() {
    let cli = vaults("options", &json!({"name": "canary"}));
    get(&cli, "my-v2/options/value/name?ttl=60&neg_ttl=0&resurrect_ttl=1.5").prints("canary\n");
    get(&cli, "my-v2/options/value/name?address=http://127.0.0.1:1")
        .fails_with(1, "unknown option `address`");
    get(&cli, "my-v2/options/value/name?mount=other").fails_with(1, "unknown option `mount`");
    for ttl in ["-1", "nan", "1s", ""] {
        get(&cli, &format!("my-v2/options/value/name?ttl={ttl}")).fails_with(1, "option `ttl`");
    }
}
