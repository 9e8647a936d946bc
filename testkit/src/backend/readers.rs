//! Many readers, readers that go away, and readers while it changes.

use std::sync::Arc;
use std::time::Duration;

use strongroom_core::ReadRequest;

use super::{Bench, Verdict, value};

pub(super) async fn many(bench: Arc<Bench>) -> Verdict {
    bench.write("shared", "shared").await;
    let backend = bench.backend()?;
    let readers: Vec<_> = (0..50)
        .map(|_| {
            let backend = backend.clone();
            tokio::spawn(async move { backend.read(&ReadRequest::new("shared")).await })
        })
        .collect();
    for reader in readers {
        let document = reader.await.map_err(|error| error.to_string())?;
        let read = document.and_then(|document| document.get("name"));
        match read {
            Ok(secret) if secret.as_bytes() == value("shared").as_bytes() => {}
            Ok(_) => return Err("a reader among many got another value".into()),
            Err(error) => return Err(format!("{error:?}")),
        }
    }
    Ok(())
}

pub(super) async fn whole(bench: Arc<Bench>) -> Verdict {
    let pair = |n: usize| format!(r#"{{"user":"{n}","filler":"{}","password":"{n}"}}"#, "x".repeat(5000));
    bench.fixture.write("pair", &pair(0)).await;
    let backend = bench.backend()?;
    let reading = tokio::spawn(async move {
        for _ in 0..100 {
            let document = backend.read(&ReadRequest::new("pair")).await;
            let fields = document.and_then(|document| Ok((document.get("user")?, document.get("password")?)));
            match fields {
                Ok((user, password)) if user.as_bytes() == password.as_bytes() => {}
                Ok(_) => return Err("a reader saw half of a change".to_owned()),
                Err(error) if error.is_retryable() => {}
                Err(error) => return Err(format!("{error:?}")),
            }
        }
        Ok(())
    });
    for n in 1.. {
        if reading.is_finished() {
            break;
        }
        bench.fixture.write("pair", &pair(n)).await;
        // A product in memory never waits by itself, and the reader has its turn.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    reading.await.map_err(|error| error.to_string())?
}

pub(super) async fn cancelled(bench: Arc<Bench>) -> Verdict {
    bench.write("cancelled", "cancelled").await;
    let backend = bench.backend()?;
    for micros in [0, 50, 200, 1000, 5000] {
        let request = ReadRequest::new("cancelled");
        // However far it came, nobody waits for it.
        let _ = tokio::time::timeout(Duration::from_micros(micros), backend.read(&request)).await;
    }
    bench.expect("cancelled/name", &value("cancelled")).await
}

pub(super) async fn batch(bench: Arc<Bench>) -> Verdict {
    bench.write("in-a-batch", "batch").await;
    let backend = bench.backend()?;
    let Some(batch) = backend.batch() else { return Err("it reads in batches no more".into()) };
    if batch.limit() == 0 {
        return Err("a batch of nothing".into());
    }
    let requests = [ReadRequest::new("not-in-a-batch"), ReadRequest::new("in-a-batch")];
    for requests in requests.chunks(batch.limit()) {
        let answers = batch.read_many(requests).await;
        if answers.len() != requests.len() {
            return Err(format!("{} answers to {} requests", answers.len(), requests.len()));
        }
        for (request, answer) in requests.iter().zip(answers) {
            let found = answer.is_ok_and(|document| document.get("name").is_ok());
            if found != (&*request.resource == "in-a-batch") {
                return Err(format!("`{}`: the answer is another's", request.resource));
            }
        }
    }
    Ok(())
}
