//! Templates.

use strongroom::text::Template;

use super::*;

#[test]
fn bytes_stay_and_values_take_their_places() {
    let template =
        Template::parse("t", b"\xff{vault://my-vault/s/hostile}\r\n{{vault://x {vault://my-vault/s/number}");
    let rendered = run(template.render(&registry())).unwrap();
    let expected = [b"\xff", HOSTILE.as_bytes(), b"\r\n{vault://x 0123"].concat();
    assert_eq!(rendered.as_bytes(), expected);
}

#[test]
fn all_failures_have_their_lines() {
    let template = Template::parse(
        "t",
        b"{vault://my-vault/s/plain}\n\n{vault://a}\n {vault://my-vault/s/none} {vault://x",
    );
    let failures = run(template.render(&registry())).unwrap_err();
    let places: Vec<_> =
        failures.iter().map(|failure| (failure.path.as_str(), failure.source.as_deref())).collect();
    assert_eq!(places, [("line 3", Some("t:3")), ("line 4", Some("t:4")), ("line 4", Some("t:4"))]);
    assert_eq!(failures.to_string(), "could not resolve 3 of 4 references");
}
