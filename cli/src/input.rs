//! What a command reads: a file or standard input, and the format that a document is in.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use strongroom::config::Format;
use strongroom::text::{Scope, TextDocument};
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};

/// What stands for standard input and output in place of a file.
pub(crate) const STANDARD: &str = "-";

/// What a file is called in messages.
pub(crate) fn name(path: &Path) -> String {
    if path.as_os_str() == STANDARD { "standard input".to_owned() } else { path.display().to_string() }
}

/// All bytes of a file, and what it is called in messages.
pub(crate) fn read(path: &Path) -> Result<(String, Zeroizing<Vec<u8>>), Failure> {
    let name = name(path);
    let mut bytes = Zeroizing::new(Vec::new());
    let read = if path.as_os_str() == STANDARD {
        io::stdin().lock().read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    match read {
        Ok(_) => Ok((name, bytes)),
        Err(error) => {
            Err(Failure::new(Exit::Usage, format!("could not read {name}")).with(error.to_string()))
        }
    }
}

/// The document that a file holds, in the format that is named or else that of its extension. `embedded` references
/// stand inside longer strings.
pub(crate) fn document(path: &Path, format: Option<Format>, embedded: bool) -> Result<TextDocument, Failure> {
    let Some(format) = format.or_else(|| Format::from_path(path)) else {
        let top = format!("the format of {} is not known", name(path));
        return Err(Failure::new(Exit::Usage, top).with("name it with --format yaml, toml or json"));
    };
    let (name, bytes) = read(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Failure::new(Exit::Usage, format!("could not read {name}")).with("it is not UTF-8 text")
    })?;
    let scope = if embedded { Scope::Embedded } else { Scope::Whole };
    TextDocument::parse(&name, text, format, scope)
        .map_err(|error| Failure::new(Exit::Usage, format!("could not read {name}")).with(error.to_string()))
}
