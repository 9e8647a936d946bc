//! Default vaults: those whose prefix is a backend's own name, configured by environment variables.

use std::ffi::OsString;

use strongroom_core::factory::{Factories, Setting, SettingOrigin, SettingValue, Settings, nearest};
use strongroom_core::{Error, ErrorKind, RESERVED_PREFIXES, Secret, Vault, escaped};

use super::own::Own;

/// A default vault.
#[derive(Clone, Debug)]
pub(super) struct Default {
    pub(super) prefix: &'static str,
    pub(super) vault: Vault,
    /// The first variable that configures it; none where it stands at its defaults.
    pub(super) configured_by: Option<SettingOrigin>,
}

const OURS: &str = "STRONGROOM_VAULT_";

/// What the tools of HashiCorp Vault and OpenBao call the fields of the default `hcv` vault. Behind each the
/// fields that say the same thing in another way: setting one of them switches the variable off.
const TOOLS: &[(&str, &str, &[&str])] = &[
    ("ADDR", "address", &["address", "addresses", "protocol", "host", "port"]),
    ("TOKEN", "token", &["token", "token_file"]),
    ("NAMESPACE", "namespace", &["namespace"]),
    ("CACERT", "ca_cert_file", &["ca_cert", "ca_cert_file"]),
];

/// The default vaults that the settings ask for.
pub(super) fn collect(
    factories: &Factories,
    own: &Own,
    variables: &[(OsString, OsString)],
) -> Result<Vec<Default>, Error> {
    let mut settings: Vec<(&'static str, Settings)> = RESERVED_PREFIXES
        .iter()
        .map(|prefix| (*prefix, Settings::new(format!("default vault `{prefix}`"))))
        .collect();
    let mut sorted: Vec<_> =
        variables.iter().filter_map(|(name, text)| Some((name.to_str()?, text))).collect();
    sorted.sort();
    for (name, text) in &sorted {
        let Some(rest) = name.strip_prefix(OURS) else { continue };
        let (prefix, field) = split(rest).ok_or_else(|| unknown_backend(name, rest))?;
        let vault = settings.iter_mut().find(|(other, _)| *other == prefix);
        let text = Secret::from(utf8(name, text)?);
        let origin = SettingOrigin::Variable((*name).to_owned());
        let value = SettingValue::Text(text);
        let setting = Setting { name: field.to_ascii_lowercase(), value, origin, variables: Vec::new() };
        vault.into_iter().for_each(|(_, settings)| settings.push(setting.clone()));
    }
    let lookup = |name: &str| sorted.iter().find(|(other, _)| *other == name).map(|(_, text)| *text);
    let asked = lookup("STRONGROOM_DEFAULT_VAULTS");
    let asked = asked.map(|text| utf8("STRONGROOM_DEFAULT_VAULTS", text)).transpose()?;
    let wanted = wanted(own, asked)?;
    let mut defaults = Vec::new();
    for (prefix, mut settings) in settings.into_iter().filter(|(prefix, _)| wanted.contains(prefix)) {
        if prefix == "hcv" {
            add_tools(&mut settings, lookup)?;
        }
        let mut set = settings.iter().filter(|setting| is_set(setting));
        let configured_by = set.next().map(|setting| setting.origin.clone());
        if prefix == "hcv" && !settings.iter().any(|setting| setting.name == "kv" && is_set(setting)) {
            settings = settings.with("kv", "auto");
        }
        if let Some(factory) = factories.backend(prefix) {
            factories.check_names(factory, &settings)?;
        }
        // Most programs use no default vault: one that cannot work keeps no other from working.
        let vault = factories.build(prefix, &settings).unwrap_or_else(|error| {
            let tools = if prefix == "hcv" { ", VAULT_ADDR, VAULT_TOKEN and their BAO_ twins" } else { "" };
            let how = format!("{OURS}{}_<FIELD>{tools} configure it", upper(prefix));
            Vault::unavailable(prefix, error.note(how))
        });
        let vault = match kong_variable(prefix, &sorted) {
            Some(variable) => vault.with_note(format!(
                "{variable} is set, which only Kong reads: Strongroom reads {OURS}{}_...",
                upper(prefix)
            )),
            None => vault,
        };
        defaults.push(Default { prefix, vault, configured_by });
    }
    Ok(defaults)
}

/// An empty variable is one that is not there.
fn is_set(setting: &Setting) -> bool {
    !matches!(&setting.value, SettingValue::Text(text) if text.is_empty())
}

/// `VAULT_ADDR` and its like, `BAO_` over `VAULT_`.
fn add_tools<'a>(
    settings: &mut Settings,
    lookup: impl Fn(&str) -> Option<&'a OsString>,
) -> Result<(), Error> {
    let own: Vec<String> =
        settings.iter().filter(|setting| is_set(setting)).map(|setting| setting.name.clone()).collect();
    for (suffix, field, same) in TOOLS {
        if own.iter().any(|name| same.contains(&name.as_str())) {
            continue;
        }
        for name in [format!("BAO_{suffix}"), format!("VAULT_{suffix}")] {
            let Some(text) = lookup(&name).filter(|text| !text.is_empty()) else { continue };
            let value = SettingValue::Text(Secret::from(utf8(&name, text)?));
            settings.push(Setting {
                name: (*field).to_owned(),
                value,
                origin: SettingOrigin::Variable(name),
                variables: Vec::new(),
            });
            break;
        }
    }
    Ok(())
}

/// The prefixes that `default_vaults` names; `variable` is the text of `STRONGROOM_DEFAULT_VAULTS`.
fn wanted(own: &Own, variable: Option<&str>) -> Result<Vec<&'static str>, Error> {
    let (settings, place) = own.settings(variable)?;
    let wrong =
        |what: String| Error::new(ErrorKind::InvalidConfig, format!("`default_vaults`: {what}")).at(&place);
    match settings.default_vaults.list().as_slice() {
        ["all"] => Ok(RESERVED_PREFIXES.to_vec()),
        ["none"] => Ok(Vec::new()),
        [] if settings.default_vaults.is_empty_list() => Ok(Vec::new()),
        [] => Err(wrong("names no backend; write `none` for no default vaults".into())),
        names if names.contains(&"all") || names.contains(&"none") => {
            Err(wrong("`all` and `none` stand alone, not in a list with others".into()))
        }
        names => names
            .iter()
            .map(|name| {
                RESERVED_PREFIXES.iter().copied().find(|prefix| prefix == name).ok_or_else(|| {
                    let known = RESERVED_PREFIXES.join(", ");
                    wrong(format!("no backend is called `{}` (known: all, none, {known})", escaped(name)))
                })
            })
            .collect(),
    }
}

/// `HCV_TOKEN` -> `hcv`, `TOKEN`. The longest name wins: `AZURE_CERTS_TTL` is of `azure-certs`.
fn split(rest: &str) -> Option<(&'static str, &str)> {
    let field = |prefix: &&'static str| {
        rest.strip_prefix(&upper(prefix))?.strip_prefix('_').filter(|field| !field.is_empty())
    };
    let longest = RESERVED_PREFIXES
        .iter()
        .filter(|prefix| field(prefix).is_some())
        .max_by_key(|prefix| prefix.len())?;
    Some((longest, field(longest)?))
}

fn upper(prefix: &str) -> String {
    prefix.to_ascii_uppercase().replace('-', "_")
}

fn kong_variable<'a>(prefix: &str, sorted: &[(&'a str, &OsString)]) -> Option<&'a str> {
    let start = format!("KONG_VAULT_{}_", upper(prefix));
    sorted.iter().map(|(name, _)| *name).find(|name| name.starts_with(&start))
}

fn utf8<'a>(name: &str, text: &'a OsString) -> Result<&'a str, Error> {
    text.to_str()
        .ok_or_else(|| Error::new(ErrorKind::InvalidConfig, format!("variable {name}: is not UTF-8 text")))
}

fn unknown_backend(name: &str, rest: &str) -> Error {
    let asked = rest.split('_').next().unwrap_or_default().to_ascii_lowercase();
    let guess = match asked.as_str() {
        "file" => Some("fs"),
        "hashicorp" | "openbao" => Some("hcv"),
        _ => nearest(&asked, RESERVED_PREFIXES.iter().copied()),
    };
    let guess = guess.map(|guess| format!("; did you mean {OURS}{}_...?", upper(guess))).unwrap_or_default();
    let what = format!(
        "variable {}: is {OURS}<NAME>_<FIELD> with a NAME that no backend has{guess} (known: {})",
        escaped(name),
        RESERVED_PREFIXES.join(", ")
    );
    Error::new(ErrorKind::InvalidConfig, what)
}
