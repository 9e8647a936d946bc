use std::fs;

use super::*;

const HOW_TO: &str = r#"
_format_version: "3.0"
vaults:
  - name: env
    prefix: my-env
    description: The environment
    tags: [a, b]
    id: null
    created_at: 1700000000
    config:
      prefix: app_
      ttl: null
      neg_ttl: ''
services:
  - name: ${{ env "DECK_NOT_SET" }}
    vaults: nothing
"#;

fn yaml(text: &str) -> Result<Config, String> {
    Config::new().and_parse("kong.yaml", text, Format::Yaml).map_err(|error| format!("{error:?}"))
}

/// The error of reading and building one YAML text, which never shows a canary.
fn fault(text: &str) -> String {
    let error = match yaml(text) {
        Ok(config) => format!("{:?}", config.build().map(|_| ()).unwrap_err()),
        Err(error) => error,
    };
    let error = error.strip_prefix("invalid_config: ").map(str::to_owned).unwrap_or(error);
    assert!(!error.contains("canary"), "{error}");
    error
}

fn vault(fields: &str) -> String {
    format!("vaults:\n- name: env\n  prefix: my-env\n{fields}\n")
}

#[test]
fn kongs_entities_are_read_as_they_are() {
    let config = yaml(HOW_TO).unwrap();
    let declared = config.declared();
    assert_eq!((declared[0].prefix.as_str(), declared[0].backend.as_str()), ("my-env", "env"));
    assert_eq!(declared[0].description.as_deref(), Some("The environment"));
    assert_eq!(declared[0].origin.to_string(), "kong.yaml:4:5");
    let registry = config.build().unwrap();
    assert_eq!(registry.vault("my-env").unwrap().backend().describe().to_string(), "env, prefix `app_`");
}

#[test]
fn what_is_empty_is_not_given() {
    for fields in ["  config: ''\n  description: ''", "  config:\n  description:"] {
        let config = yaml(&vault(fields)).unwrap();
        assert_eq!(config.declared()[0].description, None, "{fields}");
    }
}

#[test]
fn toml_and_json_have_the_same_shape() {
    let toml = "[[vaults]]\nname = \"env\"\nprefix = \"my-env\"\n[vaults.config]\nprefix = \"app_\"\nneg_ttl = 1.5\n";
    let json =
        r#"{"vaults": [{"name": "env", "prefix": "my-env", "config": {"prefix": "app_", "neg_ttl": 1.5}}]}"#;
    for (text, format) in [(toml, Format::Toml), (json, Format::Json)] {
        let registry = Config::new().and_parse("x", text, format).unwrap().build().unwrap();
        let vault = registry.vault("my-env").unwrap();
        assert_eq!(vault.policy().neg_ttl, std::time::Duration::from_millis(1500));
    }
}

#[test]
fn errors_name_file_line_vault_and_field() {
    assert_eq!(fault("- a"), "kong.yaml:1:1: expected a document of named parts, one of them `vaults`");
    assert_eq!(fault("vaults: canary"), "kong.yaml:1:9: `vaults` is expected to be a list");
    assert_eq!(fault("vaults: [canary]"), "kong.yaml:1:10: a vault is expected to have named fields");
    assert_eq!(fault("vaults:\n- name: env"), "kong.yaml:2:3: a vault needs `prefix`");
    assert_eq!(fault("vaults:\n- prefix: ab"), "kong.yaml:2:3: a vault needs `name`; in vault `ab`");
    assert!(
        fault("vaults:\n- name: env\n  prefix: env")
            .starts_with("kong.yaml:3:11: the prefix `env` is reserved")
    );
    assert!(
        fault("vaults:\n- name: env\n  prefix: A").starts_with("kong.yaml:3:11: the prefix `A` is not valid")
    );
    assert!(
        fault(&vault("  confg: {}"))
            .starts_with("kong.yaml:4:3: unknown field `confg` of a vault; did you mean `config`?")
    );
    assert_eq!(
        fault(&vault("  config: canary")),
        "kong.yaml:4:11: vault `my-env`: `config` is expected to have named fields"
    );
    assert!(
        fault(&vault("  config: { ttl: canary }"))
            .starts_with("kong.yaml:4:18: vault `my-env`: `ttl`: expected seconds")
    );
    assert!(
        fault(&vault("  config: { tttl: canary }"))
            .starts_with("kong.yaml:4:19: vault `my-env`: unknown field `tttl`; did you mean `ttl`?")
    );
    assert_eq!(
        fault(&vault("  config: { prefix: [canary] }")),
        "kong.yaml:4:21: vault `my-env`: `prefix`: expected text"
    );
    assert!(
        fault(&vault("  config: { prefix: '{vault://env/canary}' }"))
            .contains("`prefix`: a reference cannot stand here")
    );
    assert!(
        fault("vaults:\n- name: evn\n  prefix: my-env")
            .starts_with("kong.yaml:2:3: vault `my-env`: unknown backend `evn`; did you mean `env`?")
    );
}

/// The error of a text where `DECK_A` is `Canary-A` and `DECK_PREFIX` is `env`.
fn fault_of_variables(text: &str) -> String {
    let lookup = |name: &str| match name {
        "DECK_A" => Some(OsString::from("Canary-A")),
        "DECK_PREFIX" => Some(OsString::from("env")),
        _ => None,
    };
    let mut reader = Reader { file: "kong.yaml", lookup: &lookup, variables: BTreeSet::new() };
    let documents = source::parse(text, Format::Yaml, source::Tags::Refused).unwrap();
    let read = reader.document(&documents[0]).and_then(|entities| {
        let entity = entities.unwrap().remove(0);
        crate::factories().build(&entity.backend, &entity.settings).map(|_| ())
    });
    let error = read.unwrap_err().to_string();
    assert!(!error.to_lowercase().contains("canary"), "{error}");
    error
}

#[test]
fn the_text_of_a_variable_is_in_no_message() {
    let placeholder = |field: &str| format!("{field}: '${{{{ env \"DECK_A\" }}}}'");
    let error = fault_of_variables(&format!("vaults: [{{prefix: mv, {}}}]", placeholder("name")));
    assert!(
        error.contains("vault `mv`: unknown backend, the text of the variable `DECK_A` (known: "),
        "{error}"
    );
    let error = fault_of_variables(&format!("vaults: [{{name: env, {}}}]", placeholder("prefix")));
    assert!(error.contains("the prefix, the text of the variable `DECK_A`, is not valid"), "{error}");
    let reserved = "vaults: [{name: env, prefix: '${{ env \"DECK_PREFIX\" }}'}]";
    let error = fault_of_variables(reserved);
    assert!(error.contains("the text of the variable `DECK_PREFIX`, is the name of a backend"), "{error}");
    #[cfg(feature = "hashicorp")]
    {
        let method = placeholder("auth_method");
        let error = fault_of_variables(&format!("vaults: [{{name: hcv, prefix: mv, config: {{{method}}}}}]"));
        assert!(
            error.contains("`auth_method`: unknown login, the text of the variable `DECK_A` (known: "),
            "{error}"
        );
    }
}

#[test]
fn errors_beside_a_valid_prefix_name_it() {
    let error = fault("vaults: [{name: env, prefix: mv, nonsense: canary}]");
    assert!(error.ends_with("; in vault `mv`"), "{error}");
    let error = fault("vaults: [{name: env, prefix: MV, nonsense: canary}]");
    assert!(error.contains("unknown field `nonsense`") && !error.contains("MV"), "{error}");
    let error =
        fault("vaults: [{name: env, prefix: mv, description: '${{ env \"DECK_STRONGROOM_NOT_SET\" }}'}]");
    assert!(error.ends_with("is not set; in `description`; in vault `mv`"), "{error}");
}

#[test]
fn a_prefix_declared_twice_names_both_places() {
    let config = yaml(&vault("")).unwrap();
    let error = config.and_parse("other.yaml", &vault(""), Format::Yaml).unwrap_err();
    assert_eq!(
        error.to_string(),
        "other.yaml:2:3: the prefix `my-env` is declared twice, first at kong.yaml:2:3"
    );
}

#[cfg(all(feature = "hashicorp", feature = "auth-token"))]
#[test]
fn what_a_login_that_is_not_chosen_would_need_may_be_missing() {
    let fields = |method: &str| {
        let unset = "'${{ env \"DECK_STRONGROOM_NOT_SET\" }}'";
        format!(
            "vaults: [{{name: hcv, prefix: mv, tags: [{unset}], config: {{auth_method: {method}, token: root, \
             approle_role_id: {unset}, kube_role: {unset}, oauth2_audiences: [{unset}]}}}}]"
        )
    };
    let config = yaml(&fields("token")).unwrap();
    config.build().unwrap();
    #[cfg(feature = "auth-approle")]
    {
        let error = fault(&fields("approle"));
        assert!(
            error.ends_with(
                "the variable `DECK_STRONGROOM_NOT_SET` is not set; in vault `mv`, `approle_role_id`"
            ),
            "{error}"
        );
    }
}

#[test]
fn an_empty_file_is_yaml_and_toml_and_no_json() {
    for format in [Format::Yaml, Format::Toml] {
        Config::new().and_parse("empty", " \n", format).unwrap();
    }
    let error = Config::new().and_parse("empty.json", " \n", Format::Json).unwrap_err();
    assert_eq!(error.to_string(), "empty.json:1:1: an empty file, which is no JSON document");
}

#[test]
fn placeholders_are_looked_up_under_vaults_alone() {
    let error = fault(&vault("  config: { prefix: '${{ env \"DECK_STRONGROOM_NOT_SET\" }}' }"));
    assert!(error.contains("kong.yaml:4:21: ") && error.contains("DECK_STRONGROOM_NOT_SET"), "{error}");
    let error = fault(&vault("  config: { prefix: '${{ env \"HOME\" }}' }"));
    assert!(error.contains("DECK_") && error.contains("HOME"), "{error}");
}

#[tokio::test]
async fn a_file_without_vaults_is_mentioned_where_a_prefix_is_unknown() {
    let registry = yaml("services: []").unwrap().build().unwrap();
    let error = registry.get("{vault://my-env/x}").await.unwrap_err();
    assert!(format!("{error:?}").ends_with("none is configured; no `vaults` in kong.yaml"), "{error:?}");
    let registry = yaml("vaults:").unwrap().build().unwrap();
    assert!(!format!("{:?}", registry.get("{vault://my-env/x}").await.unwrap_err()).contains("kong.yaml"));
}

#[tokio::test]
async fn a_kong_backend_that_is_not_built_fails_only_when_asked() {
    let registry =
        yaml("vaults: [{name: aws, prefix: my-aws, config: {region: us-east-1}}]").unwrap().build().unwrap();
    let error = registry.get("{vault://my-aws/x}").await.unwrap_err();
    assert!(
        format!("{error:?}")
            .contains("vault `my-aws` (aws): the backend `aws` is recognised but not built yet"),
        "{error:?}"
    );
}

#[test]
fn files_are_checked_before_they_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        Config::load(&path).map(|_| ()).map_err(|error| error.to_string())
    };
    assert!(file("a.yaml", HOW_TO.as_bytes()).is_ok());
    assert!(file("a.yml", b"").is_ok());
    assert!(file("a.conf", b"").unwrap_err().contains("ends in .yaml, .yml, .toml or .json"));
    assert!(file("b.yaml", b"\xff").unwrap_err().ends_with("b.yaml: is not UTF-8 text"));
    let missing = Config::load(dir.path().join("none.yaml")).unwrap_err();
    assert!(missing.to_string().contains("none.yaml: cannot be read: No such file"), "{missing}");
    assert_eq!(missing.kind(), ErrorKind::InvalidConfig);
}

#[test]
fn the_schema_is_json_and_knows_every_field() {
    let schema: serde_json::Value = serde_json::from_str(&schema(&crate::factories())).unwrap();
    let kinds = schema["properties"]["vaults"]["items"]["allOf"].as_array().unwrap();
    let env = kinds.iter().find(|kind| kind["if"]["properties"]["name"]["enum"][0] == "env").unwrap();
    let fields = &env["then"]["properties"]["config"]["properties"];
    assert!(fields["ttl"]["description"].as_str().unwrap().contains("Seconds"));
    assert!(fields["prefix"].is_object() && fields["decode_base64"].is_object() && fields["token"].is_null());
}

mod default_vaults {
    use super::*;

    fn collect(variables: &[(&str, &str)]) -> Result<Vec<defaults::Default>, String> {
        let variables: Vec<_> =
            variables.iter().map(|(name, text)| (OsString::from(name), OsString::from(text))).collect();
        defaults::collect(&crate::factories(), &Own::default(), &variables).map_err(|error| error.to_string())
    }

    fn described(prefix: &str, variables: &[(&str, &str)]) -> (String, bool) {
        let defaults = collect(variables).unwrap();
        let default = defaults.iter().find(|default| default.prefix == prefix).unwrap();
        (default.vault.backend().describe().to_string(), default.configured_by.is_some())
    }

    fn env(variables: &[(&str, &str)]) -> String {
        described("env", variables).0
    }

    #[test]
    fn variables_configure_them() {
        assert_eq!(env(&[]), "env");
        assert_eq!(env(&[("STRONGROOM_VAULT_ENV_PREFIX", "app_")]), "env, prefix `app_`");
        assert_eq!(collect(&[]).unwrap().len(), 9);
    }

    #[test]
    fn an_empty_variable_is_one_that_is_not_there() {
        let hcv = |kv| {
            let token = ("STRONGROOM_VAULT_HCV_TOKEN", "canary");
            described("hcv", &[token, ("STRONGROOM_VAULT_HCV_KV", kv)]).0
        };
        assert!(hcv("").contains("KV auto") && hcv("v1").contains("KV v1"), "{}", hcv(""));
        for (text, configured) in [("", false), ("app_", true)] {
            assert_eq!(described("env", &[("STRONGROOM_VAULT_ENV_PREFIX", text)]).1, configured);
        }
    }

    #[test]
    fn a_misspelt_variable_is_an_error() {
        let error = collect(&[("STRONGROOM_VAULT_ENV_PREFX", "canary")]).unwrap_err();
        assert!(error.starts_with("variable STRONGROOM_VAULT_ENV_PREFX: default vault `env`: unknown field `prefx`; did you mean `prefix`?"), "{error}");
        let error = collect(&[("STRONGROOM_VAULT_HVC_TOKEN", "canary")]).unwrap_err();
        assert!(
            error.contains("did you mean STRONGROOM_VAULT_HCV_...?") && !error.contains("canary"),
            "{error}"
        );
    }

    #[test]
    fn another_name_of_a_backend_leads_to_its_prefix() {
        for (name, guess) in [("FILE_PREFIX", "FS"), ("HASHICORP_TOKEN", "HCV"), ("OPENBAO_TOKEN", "HCV")] {
            let error = collect(&[(&format!("STRONGROOM_VAULT_{name}"), "canary")]).unwrap_err();
            assert!(error.contains(&format!("did you mean STRONGROOM_VAULT_{guess}_...?")), "{error}");
        }
    }

    #[test]
    fn which_there_are_is_refused_where_it_was_written() {
        let variable = |text| collect(&[("STRONGROOM_DEFAULT_VAULTS", text)]);
        assert_eq!(variable("").unwrap().len(), 9);
        assert_eq!(variable("none").unwrap().len(), 0);
        assert_eq!(
            variable("env, all").unwrap_err(),
            "variable STRONGROOM_DEFAULT_VAULTS: `default_vaults`: `all` and `none` stand alone, not in a list with \
             others"
        );
        let error = variable("evn").unwrap_err();
        assert!(
            error.starts_with("variable STRONGROOM_DEFAULT_VAULTS: `default_vaults`: no backend is"),
            "{error}"
        );
        assert!(variable(",").unwrap_err().contains("names no backend"));

        let config =
            Config::new().and_parse("a.yaml", "strongroom: {default_vaults: [env, all]}", Format::Yaml);
        let error =
            defaults::collect(&crate::factories(), &config.unwrap().own, &[]).unwrap_err().to_string();
        assert!(error.starts_with("`strongroom` in a.yaml: `default_vaults`: `all` and"), "{error}");
    }

    #[test]
    fn a_variable_that_only_kong_reads_is_mentioned_by_that_vault() {
        let defaults = collect(&[("KONG_VAULT_ENV_PREFIX", "x")]).unwrap();
        let shown = format!("{:?}", defaults.iter().find(|default| default.prefix == "env").unwrap().vault);
        assert!(shown.contains("KONG_VAULT_ENV_PREFIX is set, which only Kong reads: Strongroom reads STRONGROOM_VAULT_ENV_..."), "{shown}");
    }
}
