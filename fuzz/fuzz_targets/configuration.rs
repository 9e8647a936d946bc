//! Any configuration file, in each of the formats: reading it and building its vaults never panics, and an error is one
//! line that a terminal takes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom::config::{Config, Format};

fuzz_target!(|text: &str| {
    for (name, format) in [("a.yaml", Format::Yaml), ("a.toml", Format::Toml), ("a.json", Format::Json)] {
        let built = Config::new().and_parse(name, text, format).and_then(|config| {
            drop(config.declared());
            config.build()
        });
        if let Err(error) = built {
            assert!(!format!("{error:?}").contains(char::is_control), "{error:?}");
        }
    }
});
