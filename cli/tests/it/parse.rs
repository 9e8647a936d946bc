//! `parse`: every vector, and any bytes.

use serde_json::{Value, json};

use crate::harness::Cli;

const VECTORS: &str = include_str!("../../../core/tests/vectors/references.jsonl");

/// The answers to `input`, one for each line.
#[track_caller]
fn answers(input: impl Into<Vec<u8>>) -> Vec<Value> {
    let run = Cli::new().stdin(input).run(&["parse", "--lines"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    run.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_vector_parses_to_what_it_expects() {
    let vectors: Vec<Value> = VECTORS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let lines: String = vectors.iter().map(|vector| format!("{}\n", vector["ref"])).collect();
    let answers = answers(lines);
    assert_eq!(answers.len(), vectors.len());
    for (vector, mut answer) in vectors.iter().zip(answers) {
        if vector["expect"].is_null() {
            assert_eq!(answer["ok"], false, "{vector}");
            assert!(
                answer["error"]["kind"].is_string() && answer["error"]["message"].is_string(),
                "{answer}"
            );
            let offset = answer["error"]["offset"].as_u64().unwrap() as usize;
            assert!(offset <= vector["ref"].as_str().unwrap().len(), "{answer}");
            assert_eq!(answer.as_object().unwrap().len(), 2, "{answer}");
            continue;
        }
        assert_eq!(answer.as_object_mut().unwrap().remove("ok"), Some(json!(true)), "{vector}");
        assert_eq!(answer, vector["expect"], "{vector}");
    }
}

#[test]
fn one_reference_in_either_form() {
    let expected = "{\"ok\":true,\"prefix\":\"my-vault\",\"resource\":\"a/b\",\"key\":\"c\",\
                    \"options\":{\"ttl\":\"60\",\"pointer\":\"/x\"},\"version\":2}\n";
    let cli = Cli::new();
    cli.run(&["parse", "{vault://my-vault/a/b/c?ttl=60&pointer=/x#2}"]).prints(expected);
    cli.run(&["parse", "my-vault/a/b/c?ttl=60&pointer=/x#2"]).prints(expected);
    assert_eq!(cli.run(&["parse", "env/HOME"]).json()["key"], Value::Null);
}

#[test]
fn an_invalid_reference_is_a_failure_that_says_where() {
    let run = Cli::new().run(&["parse", "env/a%zz"]);
    assert_eq!(run.code, 1);
    let answer = run.json();
    assert_eq!((&answer["ok"], &answer["error"]["kind"]), (&json!(false), &json!("escape")));
    assert_eq!(answer["error"]["offset"], 5);
    let message = answer["error"]["message"].as_str().unwrap();
    assert_eq!(run.stderr, format!("error: {message}\n"));
    assert_eq!(Cli::new().run(&["parse", ""]).code, 1);
}

#[test]
fn lines_do_not_take_the_short_form() {
    let answers = answers("\"env/HOME\"\n\"vault://env/foo\"\n");
    assert!(answers.iter().all(|answer| answer["error"]["kind"] == "not_a_reference"), "{answers:?}");
}

#[test]
fn a_line_that_is_no_json_string_says_so_and_where() {
    let input = b"\n 5\n{\"a\":\"b\"}\n\"open\n \"a\\qb\"\n\"a\" b\n\"\xff\"\n\0\n\"\\ud800\"\n'a'\n\"a\0\"";
    let answers = answers(input.to_vec());
    let offsets: Vec<u64> =
        answers.iter().map(|answer| answer["error"]["offset"].as_u64().unwrap()).collect();
    assert!(answers.iter().all(|answer| answer["error"]["kind"] == "not_a_json_string"), "{answers:?}");
    assert_eq!(answers.len(), 11, "{answers:?}");
    assert_eq!(offsets[..6], [0, 1, 0, 5, 4, 4], "{answers:?}");
}

#[test]
fn line_ends_may_be_of_any_kind_and_the_last_one_missing() {
    let kinds = |input: &[u8]| answers(input).iter().map(|answer| answer["ok"] == true).collect::<Vec<_>>();
    assert!(kinds(b"").is_empty());
    assert_eq!(kinds(b"\"{vault://env/a}\"\r\n\"{vault://env/b}\"\r\n"), [true, true]);
    assert_eq!(kinds(b"\"{vault://env/a}\"\n\"{vault://env/b}\""), [true, true]);
    assert_eq!(kinds(b"\n\n"), [false, false]);
}

#[test]
fn any_bytes_give_one_answer_a_line() {
    let mut state = 1_u64;
    let mut noise: Vec<u8> = (0..200_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect();
    noise.push(b'\n');
    let lines = noise.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(answers(noise).len(), lines);
}

#[test]
fn a_huge_line_is_a_line() {
    let segment = "a".repeat(16 << 20);
    let answers = answers(format!("\"{{vault://env/{segment}}}\"\n\"{segment}\"\n"));
    assert_eq!(answers[0]["resource"].as_str().map(str::len), Some(segment.len()));
    assert_eq!(answers[1]["error"]["kind"], "not_a_reference");
    assert!(answers[1].to_string().len() < 1000);
}
