//! A real `bao proxy` in front of a server, with its cache turned on, over TCP and a unix socket.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use strongroom_integration_tests::{binary, random};

use crate::reader::Target;

/// Ended, with its directory, when this is dropped.
pub(crate) struct BaoProxy {
    process: Child,
    directory: PathBuf,
    port: u16,
}

impl BaoProxy {
    /// One that passes on the token of whoever asks. It tries nothing twice, so that requests can be counted.
    pub(crate) fn in_front_of(target: &Target) -> Self {
        // Short enough for the path of a socket.
        let directory = std::env::temp_dir().join(format!("strongroom-peers-{:08x}", random() as u32));
        fs::create_dir(&directory).unwrap();
        // Free a moment ago; the proxy says so if it is not any more.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = format!(
            r#"
            vault {{ address = "{}" retry {{ num_retries = -1 }} }}
            cache {{}}
            listener "unix" {{ address = "{}" tls_disable = true }}
            listener "tcp" {{ address = "127.0.0.1:{port}" tls_disable = true }}
            "#,
            target.address,
            directory.join("proxy.sock").display(),
        );
        fs::write(directory.join("proxy.hcl"), settings).unwrap();
        let log = File::create(directory.join("log")).unwrap();
        let process = Command::new(binary::find().unwrap())
            .args(["proxy", "-config"])
            .arg(directory.join("proxy.hcl"))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let proxy = Self { process, directory, port };
        let start = Instant::now();
        while !proxy.socket().exists() || std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = || fs::read_to_string(proxy.directory.join("log")).unwrap_or_default();
            assert!(start.elapsed() < Duration::from_secs(20), "bao proxy does not listen: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        proxy
    }

    /// Where it listens, for those that have a token of their own.
    pub(crate) fn target(&self, target: &Target) -> Target {
        Target { address: format!("http://127.0.0.1:{}", self.port), ..target.clone() }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.join("proxy.sock")
    }
}

impl Drop for BaoProxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}
