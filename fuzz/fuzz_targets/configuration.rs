//! Any configuration file: reading it never panics, and an error is text that a terminal takes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom::config::{Config, Format};

fuzz_target!(|text: &str| {
    for (name, format) in [("a.yaml", Format::Yaml), ("a.toml", Format::Toml), ("a.json", Format::Json)] {
        match Config::new().and_parse(name, text, format) {
            Ok(config) => drop(config.declared()),
            Err(error) => assert!(!format!("{error:?}").contains(|c: char| c.is_control() && c != '\n')),
        }
    }
});
