//! A file of certificate authorities. They are no secret, so links to it are followed, as systems make them.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use strongroom_core::{Error, ErrorKind};

use crate::open::open_through_links;

/// More than any collection of authorities takes.
const MAX_BYTES: u64 = 4 << 20;

/// The file at `path`, read away from the runtime's threads: one on a network mount may block for long.
pub(crate) async fn read_ca(path: PathBuf) -> Result<Vec<u8>, Error> {
    let name = format!("the CA file `{}`", path.display());
    let fault = match tokio::task::spawn_blocking(move || read(&path)).await {
        Ok(Ok(pem)) => return Ok(pem),
        Ok(Err(error)) => format!("cannot be read: {error}"),
        Err(_) => "cannot be read: reading it was interrupted".into(),
    };
    Err(Error::new(ErrorKind::Unauthenticated, format!("{name} {fault}")))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = open_through_links(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut pem = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut pem)?;
    if pem.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("it is larger than 4 MiB"));
    }
    Ok(pem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_of_authorities_is_a_file_of_some_size() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let file = |size| std::fs::File::create(path("ca")).unwrap().set_len(size).unwrap();
        let why = async |path: PathBuf| read_ca(path).await.unwrap_err().to_string();
        file(MAX_BYTES);
        assert_eq!(read_ca(path("ca")).await.unwrap().len() as u64, MAX_BYTES);
        file(MAX_BYTES + 1);
        assert!(why(path("ca")).await.ends_with("/ca` cannot be read: it is larger than 4 MiB"));
        assert!(why(path("missing")).await.contains("missing` cannot be read: No such file"));
        assert!(why(path("")).await.ends_with("it is not a regular file"));
        #[cfg(unix)]
        {
            let pipe = path("pipe");
            rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
            assert!(why(pipe).await.ends_with("it is not a regular file"));
            assert!(why("/dev/zero".into()).await.ends_with("it is not a regular file"));
        }
    }
}
