use std::fs;

use crate::file::POLL;

use super::*;

fn file(content: &[u8]) -> (tempfile::TempDir, PathBuf, Credential) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    fs::write(&path, content).unwrap();
    (dir, path.clone(), Credential::file("token", path))
}

async fn read(content: &[u8]) -> Result<Vec<u8>, String> {
    let (_dir, _, file) = file(content);
    file.line().await.map(|secret| secret.as_bytes().to_vec()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn one_newline_is_taken_off_and_no_more() {
    assert_eq!(read(b"hvs.x").await.unwrap(), b"hvs.x");
    assert_eq!(read(b"hvs.x\n").await.unwrap(), b"hvs.x");
    assert_eq!(read(b"hvs.x\r\n").await.unwrap(), b"hvs.x");
    assert!(read(b"hvs.x\n\n").await.unwrap_err().contains("control character"));
    assert_eq!(Credential::text("token", "hvs.x\n").line().await.unwrap().as_bytes(), b"hvs.x");
}

#[tokio::test]
async fn what_is_no_line_of_text_is_refused_by_name_and_not_shown() {
    for (content, fault) in [
        (&b""[..], "is empty"),
        (b"\n", "is empty"),
        (b"can\nary", "control character"),
        (b"can\0ary", "control character"),
        (b" canary", "white space"),
        (b"canary\xff", "not UTF-8"),
    ] {
        let error = read(content).await.unwrap_err();
        assert!(error.contains("/token`: the token ") && error.contains(fault), "{error}");
        assert!(!error.contains("canary") && !error.contains("can\n"), "{error}");
    }
    let longest = vec![b'a'; MAX_LEN];
    assert_eq!(read(&[&longest[..], b"\r\n"].concat()).await.unwrap(), longest);
    assert!(read(&[&longest[..], b"a"].concat()).await.unwrap_err().contains("longer than 64 KiB"));
    assert!(read(&vec![b'a'; 10 << 20]).await.unwrap_err().contains("longer than 64 KiB"));
}

#[tokio::test]
async fn a_block_may_have_lines() {
    let (_dir, _, file) = file(b"-----BEGIN X-----\nabc\n-----END X-----\n");
    assert!(file.text_block().await.unwrap().as_str().unwrap().ends_with("END X-----\n"));
    assert!(Credential::text("key", " \n").text_block().await.is_err());
}

#[tokio::test]
async fn missing_files_directories_and_pipes_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let error =
        |path: PathBuf| async move { Credential::file("token", path).line().await.unwrap_err().to_string() };
    assert!(error(dir.path().join("missing")).await.contains("missing` cannot be read: No such file"));
    assert!(error(dir.path().to_path_buf()).await.contains("not a regular file"));
    #[cfg(unix)]
    {
        let pipe = dir.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(error(pipe).await.contains("not a regular file"));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_kubelets_links_are_followed_and_no_others() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    for (generation, text) in [("..2026_1", "one"), ("..2026_2", "two")] {
        fs::create_dir(path(generation)).unwrap();
        fs::write(path(generation).join("token"), text).unwrap();
    }
    symlink("..2026_1", path("..data")).unwrap();
    symlink("..data/token", path("token")).unwrap();
    let token = Credential::file("token", path("token"));
    assert_eq!(token.line().await.unwrap().as_bytes(), b"one");
    // As the kubelet does it: a new link beside the old one, then moved over it.
    symlink("..2026_2", path("..next")).unwrap();
    fs::rename(path("..next"), path("..data")).unwrap();
    assert_eq!(token.line().await.unwrap().as_bytes(), b"two");

    symlink(path("..2026_1").join("token"), path("absolute")).unwrap();
    symlink("..2026_1/token", path("other")).unwrap();
    symlink("..data/../..2026_1/token", path("around")).unwrap();
    symlink("token", path("twice")).unwrap();
    symlink("nowhere", path("dangling")).unwrap();
    for link in ["absolute", "other", "around", "twice", "dangling"] {
        let error = Credential::file("token", path(link)).line().await.unwrap_err().to_string();
        assert!(error.contains("it is a link, which is not followed"), "{link}: {error}");
    }
    // What the kubelet's link leads to is a file and not one more link.
    fs::remove_file(path("..2026_2").join("token")).unwrap();
    symlink("/etc/hostname", path("..2026_2").join("token")).unwrap();
    assert!(token.line().await.is_err());
}

#[cfg(unix)]
#[test]
fn files_that_others_can_get_at_are_told_of() {
    use crate::open::openness_of;
    for mode in [0o600, 0o400, 0o640] {
        assert_eq!(openness_of(mode, 7, 7), None);
        assert_eq!(openness_of(mode, 0, 7), None, "root's");
    }
    let said = |mode, owner| openness_of(mode, owner, 7).unwrap();
    assert_eq!(said(0o644, 7), "can be read by every user of this machine");
    assert_eq!(said(0o660, 7), "can be written by its group");
    assert_eq!(said(0o602, 7), "can be written by every user of this machine");
    assert_eq!(said(0o600, 8), "belongs to user 8, and not to user 7, who reads it");
    assert_eq!(openness_of(0o600, 7, 0).unwrap(), "belongs to user 7, and not to user 0, who reads it");
}

#[tokio::test(start_paused = true)]
async fn a_changed_file_is_noticed_and_an_unchanged_one_is_not() {
    let (_dir, path, file) = file(b"one");
    file.line().await.unwrap();
    let unchanged = tokio::time::timeout(POLL * 10, file.changed()).await;
    assert!(unchanged.is_err(), "nothing changed");
    fs::write(&path, b"another").unwrap();
    tokio::time::timeout(POLL * 2, file.changed()).await.unwrap();
    assert_eq!(file.line().await.unwrap().as_bytes(), b"another");
}

/// Whether the file counts as changed within a few looks.
async fn changes(file: &Credential) -> bool {
    tokio::time::timeout(POLL * 4, file.changed()).await.is_ok()
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_read_is_a_change_once_and_another_when_it_can() {
    let (dir, path, file) = file(b"one");
    file.line().await.unwrap();
    // A link stands for all that can be looked at and not opened, since root may open everything else.
    let elsewhere = dir.path().join("elsewhere");
    fs::write(&elsewhere, b"another").unwrap();
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    assert!(changes(&file).await);
    file.line().await.unwrap_err();
    assert!(!changes(&file).await, "it was looked at");
    fs::write(&elsewhere, b"still another").unwrap();
    assert!(changes(&file).await, "it is another file that cannot be read");
    file.line().await.unwrap_err();
    assert!(!changes(&file).await, "it was looked at");
    // The very file, unchanged, that can be opened now.
    fs::rename(&elsewhere, &path).unwrap();
    assert!(changes(&file).await, "it can be read");
    assert_eq!(file.line().await.unwrap().as_bytes(), b"still another");
    assert!(!changes(&file).await);
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_mode_matters_only_where_it_kept_the_file_from_being_read() {
    use std::os::unix::fs::PermissionsExt;
    let (_dir, path, file) = file(b"one");
    let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    file.line().await.unwrap();
    mode(0o400);
    assert!(!changes(&file).await, "a login may spend a use of its credential");
    mode(0o000);
    assert!(!changes(&file).await);
    // Root reads it all the same.
    if file.line().await.is_err() {
        assert!(!changes(&file).await, "it was looked at");
        mode(0o400);
        assert!(changes(&file).await, "it can be read");
        file.line().await.unwrap();
    }
    assert!(!changes(&file).await);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_file_is_no_change_until_there_is_one() {
    let (_dir, path, file) = file(b"one");
    file.line().await.unwrap();
    fs::remove_file(&path).unwrap();
    assert!(!changes(&file).await, "it is gone");
    fs::create_dir(&path).unwrap();
    file.line().await.unwrap_err();
    fs::write(path.join("x"), b"").unwrap();
    assert!(!changes(&file).await, "a folder is not read, whatever is in it");
    fs::remove_dir_all(&path).unwrap();
    fs::write(&path, b"another").unwrap();
    assert!(changes(&file).await);
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn the_kubelets_swap_is_a_change_also_where_the_old_file_could_not_be_read() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    for generation in ["..2026_1", "..2026_2"] {
        fs::create_dir(path(generation)).unwrap();
    }
    symlink("/etc/hostname", path("..2026_1").join("token")).unwrap();
    fs::write(path("..2026_2").join("token"), "two").unwrap();
    symlink("..2026_1", path("..data")).unwrap();
    symlink("..data/token", path("token")).unwrap();
    let token = Credential::file("token", path("token"));
    token.line().await.unwrap_err();
    assert!(!changes(&token).await, "it was looked at");
    symlink("..2026_2", path("..next")).unwrap();
    fs::rename(path("..next"), path("..data")).unwrap();
    assert!(changes(&token).await);
    assert_eq!(token.line().await.unwrap().as_bytes(), b"two");
    assert!(!changes(&token).await);
}

#[test]
fn one_of_two_settings_configures_it() {
    use strongroom_core::factory::Shape;
    const TEXT: Field = Field::new("token", Shape::Credential, "");
    const FILE: Field = Field::new("token_file", Shape::Text, "");
    let required = |settings: Settings| {
        let made = Credential::required_line("token", &settings, &TEXT, &FILE);
        made.map(|_| ()).map_err(|error| error.to_string())
    };
    let settings = || Settings::new("vault `p`");
    required(settings().with("token", "canary")).unwrap();
    required(settings().with("token_file", "/x")).unwrap();
    assert_eq!(required(settings()).unwrap_err(), "vault `p`: `token` is required, or `token_file`");
    let both = required(settings().with("token", "canary").with("token_file", "/x")).unwrap_err();
    assert_eq!(both, "vault `p`: `token_file`: cannot stand beside `token`: set one of them");
    let broken = required(settings().with("token", "can\nary")).unwrap_err();
    assert!(broken.starts_with("vault `p`: `token`: the token holds a control character"), "{broken}");
}
