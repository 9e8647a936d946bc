//! Quoting a server in a message: on one line, cut, and without anything that could be a credential.

use strongroom_core::escaped;

mod sent;

const MASK: &str = "<masked>";

/// Fewer characters than this behind a prefix make no token.
const TOKEN_LENGTH: usize = 20;

/// How the tokens of both products begin, old and new forms.
const TOKEN_PREFIXES: [&str; 6] = ["hvs.", "hvb.", "hvr.", "s.", "b.", "r."];

/// What a login may send that is no credential, and so may be quoted.
const NO_CREDENTIALS: [&str; 6] = ["role", "name", "grant_type", "client_id", "scope", "audience"];

/// The texts on one line: `1 error occurred: * permission denied`. `secrets` are what was sent, which a server may
/// send back.
pub(crate) fn quote<'a>(texts: impl IntoIterator<Item = &'a str>, secrets: &[&[u8]]) -> String {
    let text = texts.into_iter().collect::<Vec<_>>().join("\n");
    // Before its white space changes: a secret may hold some.
    let text = mask_sent(&text, secrets);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    escaped(&mask_shapes(&text)).to_string()
}

/// What of a login may never be quoted.
pub(crate) fn credentials<'a>(fields: &[(&str, &'a str)]) -> Vec<&'a [u8]> {
    let secret = fields.iter().filter(|(name, _)| !NO_CREDENTIALS.contains(name));
    secret.map(|(_, value)| value.as_bytes()).collect()
}

/// Masks what was sent, however it is written.
fn mask_sent(text: &str, secrets: &[&[u8]]) -> String {
    let (mut masked, mut end) = (String::with_capacity(text.len()), 0);
    for place in sent::places(text, secrets) {
        masked.push_str(text.get(end..place.start).unwrap_or_default());
        masked.push_str(MASK);
        end = place.end;
    }
    masked.push_str(text.get(end..).unwrap_or_default());
    masked
}

/// Masks every run of token characters that looks like a token.
fn mask_shapes(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (run, behind) = rest.split_at(rest.find(|c| !is_token_character(c)).unwrap_or(rest.len()));
        masked.push_str(if is_token(run) || is_jwt(run) { MASK } else { run });
        let (between, next) = behind.split_at(behind.find(is_token_character).unwrap_or(behind.len()));
        masked.push_str(between);
        rest = next;
    }
    masked
}

fn is_token_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

fn is_token(run: &str) -> bool {
    TOKEN_PREFIXES.iter().any(|prefix| {
        run.match_indices(prefix).any(|(at, _)| {
            let begins = !run[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
            let tail = &run[at + prefix.len()..];
            begins && tail.chars().take_while(|c| *c != '.').count() >= TOKEN_LENGTH
        })
    })
}

/// Three parts, the first of which is the base64url of something that begins with a brace.
fn is_jwt(run: &str) -> bool {
    let begins = |at: usize| !run[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
    ["ey", "ew"].iter().any(|brace| {
        run.match_indices(brace).any(|(at, _)| {
            let parts: Vec<_> = run[at..].split('.').collect();
            begins(at) && parts.len() >= 3 && parts[..2].iter().all(|part| part.len() >= 8)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_comes_on_one_line() {
        assert_eq!(
            quote(["1 error occurred:\n\t* permission denied\n\n"], &[]),
            "1 error occurred: * permission denied"
        );
        assert_eq!(quote(["a\u{1b}[2J", "b"], &[]), "a\\u{1b}[2J b");
        assert_eq!(quote([], &[]), "");
        assert!(quote(["x".repeat(1000).as_str()], &[]).chars().count() <= 256);
    }

    #[test]
    fn whatever_looks_like_a_token_is_masked() {
        for token in [
            "hvs.CAESIJlcanary0123456789",
            "hvb.AAAAAQIyjTLlB727OaH7I6pfMFP89cfwsGbj5tkmTCp8vhBLKK4fVH4YSezJ5tvb4sq42U6Ev1w0NXNkOx9h0X4upBKy_--",
            "s.FyGMhgk5w5eGMUNqrNZWIUux",
            "b.AAAAAQIyjTLlB727OaH7I6pfMFP89cfwsGbj5",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.canarysignature",
            "ewogICJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
        ] {
            for text in [format!("bad token {token}"), format!("token=\"{token}\";"), format!("x-{token} y")]
            {
                let quoted = quote([text.as_str()], &[]);
                assert!(quoted.contains(MASK) && !quoted.contains(&token[4..20]), "{text}: {quoted}");
            }
        }
    }

    #[test]
    fn what_was_sent_is_masked_wherever_it_comes_back() {
        let quoted =
            quote(["role \"web\" and secret-id 5up3r5ecret, token root"], &[b"5up3r5ecret", b"root"]);
        assert_eq!(quoted, "role \"web\" and secret-id <masked>, token <masked>");
        assert_eq!(quote(["abcdef"], &[b"abc", b"abcdef", b""]), "<masked>");
        assert_eq!(quote(["abcdef ghi"], &[b"abcd", b"cdef", b"cdef ghi"]), "<masked>");
    }

    #[test]
    fn a_secret_with_white_space_is_masked_as_it_is_written() {
        let said = ["secret id 5up3r  5ecret\nis bad", "secret=5up3r%20%205ecret", "secret=5up3r++5ecret"];
        let quoted = quote(said, &[b"5up3r  5ecret"]);
        assert_eq!(quoted, "secret id <masked> is bad secret=<masked> secret=<masked>");
        let quoted = quote(["bad: \\\"k\\u0026e\\\\y\\\"", "k\u{7f}ey"], &[b"k&e\\y", b"k\x7fey"]);
        assert_eq!(quoted, "bad: \\\"<masked>\\\" <masked>");
    }

    #[test]
    fn ordinary_texts_stay() {
        for text in [
            "no handler for route \"nomount/data/x\". route entry not found.",
            "lookup vaults.internal-cluster-of-europe-west.example on 127.0.0.1:53",
            "x509: certificate has expired or is not yet valid: current time 2026-11-23T22:16:19Z",
            "request path \"secret/data/customer/acme\": rate limit quota exceeded",
        ] {
            assert_eq!(quote([text], &[]), text);
        }
    }
}
