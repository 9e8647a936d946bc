//! The fixtures in a process of their own, for the tests of how they behave when that process ends: `find DIR` prints
//! the path of the server binary, `hold` starts servers, prints their ports and directories and waits, `shared` starts
//! the shared one and ends.

use std::io::Read as _;
use std::path::Path;

use strongroom_integration_tests::{Server, binary};

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["find", directory] => {
            println!("{}", binary::find_or_fetch_into(Path::new(directory))?.display());
        }
        ["hold"] => {
            let (dev, configured) = (Server::dev(), Server::builder().unix_socket().start());
            println!("{} {} {}", dev.port(), configured.port(), configured.directory().display());
            // Ends with the parent, if that is not what kills it.
            std::io::stdin().read_to_end(&mut Vec::new()).map_err(|error| error.to_string())?;
        }
        ["shared"] => println!("{}", Server::shared().port()),
        _ => return Err("usage: fixture find DIR | hold | shared".into()),
    }
    Ok(())
}
