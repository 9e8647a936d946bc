//! Documents that are tricky to splice: each file of `tests/corpus` beside what it becomes.

use std::path::{Path, PathBuf};

use super::*;

pub(super) fn files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<_> = directory.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    files
}

/// Where a difference is meant, `STRONGROOM_UPDATE_CORPUS=1` writes what there is now, to be read before it is kept.
#[test]
fn each_document_becomes_what_is_expected_of_it() {
    let files = files();
    assert!(files.len() > 15);
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let scope = if name.contains(".embedded.") { Scope::Embedded } else { Scope::Whole };
        let resolved = resolve(&text, Format::from_path(&path).unwrap(), scope).unwrap_or_else(|failures| {
            panic!("{name}: {:?}", failures.iter().map(ToString::to_string).collect::<Vec<_>>())
        });
        let expected = path.parent().unwrap().join("resolved").join(name);
        if std::env::var_os("STRONGROOM_UPDATE_CORPUS").is_some() {
            std::fs::write(&expected, &resolved).unwrap();
        }
        assert_eq!(resolved, std::fs::read_to_string(&expected).unwrap(), "{name}");
    }
}
