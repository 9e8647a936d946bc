//! The trials of a login, each a sentence about logins and the calls that prove it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use strongroom_core::{AuthMethod, Error, ErrorKind, Grant, Origin, Replay};

use super::server::TOKEN;
use super::{LoginCapabilities, LoginFixture, Reply, ScriptedServer};
use crate::report::{Verdict, start};
use crate::{Outcome, Report};

type Trial = fn(Arc<Bench>) -> Pin<Box<dyn Future<Output = Verdict> + Send>>;
type Needs = fn(LoginCapabilities) -> bool;

/// A subject, a trial's name, what it needs, and the trial.
const TRIALS: &[(&str, &str, Needs, Trial)] = &[
    ("logging in", "a good credential logs in", |_| true, |bench| Box::pin(good(bench))),
    ("logging in", "a login that goes away harms nobody", |can| can.asks, |bench| Box::pin(cancelled(bench))),
    ("logging in", "equal logins are equal and others are not", |_| true, |bench| Box::pin(identity(bench))),
    ("logging in", "examining spends nothing", |_| true, |bench| Box::pin(examined(bench))),
    (
        "changes",
        "a changed credential is used at the next login",
        |can| can.changes,
        |bench| Box::pin(afresh(bench)),
    ),
    (
        "changes",
        "a change is noticed, and nothing else is",
        |can| can.changes,
        |bench| Box::pin(noticed(bench)),
    ),
    (
        "refusals",
        "a refused credential is unauthenticated",
        |can| can.asks && can.changes,
        |bench| Box::pin(refused(bench)),
    ),
    ("refusals", "without a credential nothing is sent", |can| can.changes, |bench| Box::pin(lost(bench))),
    ("failures", "an outage is passed on as it is", |can| can.asks, |bench| Box::pin(outage(bench))),
    (
        "failures",
        "an answer that makes no sense is an error",
        |can| can.asks,
        |bench| Box::pin(nonsense(bench)),
    ),
    ("secrecy", "nothing shows a credential", |_| true, |bench| Box::pin(silent(bench))),
];

struct Bench {
    fixture: Arc<dyn LoginFixture>,
}

/// Runs all trials against one fixture. They take some seconds, since one waits for a file to be looked at.
pub async fn run_login(fixture: impl LoginFixture) -> Report {
    let mut report = Report::default();
    let bench = Arc::new(Bench { fixture: Arc::new(fixture) });
    let capabilities = bench.fixture.capabilities();
    for (subject, name, needs, trial) in TRIALS {
        let outcome = if needs(capabilities) {
            if capabilities.changes {
                // Whatever the trial before left behind.
                bench.fixture.change().await;
            }
            start(trial(bench.clone())).await
        } else {
            Outcome::LeftOut
        };
        report.add(subject, name, outcome);
    }
    report
}

impl Bench {
    /// A server that judges as the fixture says.
    fn server(&self) -> ScriptedServer {
        let fixture = self.fixture.clone();
        ScriptedServer::new(move |call| fixture.judge(call))
    }

    /// That a login gets what the server grants, or what it brings itself.
    async fn logs_in(&self, login: &dyn AuthMethod, server: &ScriptedServer) -> Result<Grant, String> {
        let grant = login.login(server).await.map_err(|error| format!("{error:?}"))?;
        let token = grant.token.as_ref().map(|token| token.as_bytes().to_vec());
        let asks = self.fixture.capabilities().asks;
        let said = (grant.lease, grant.renewable) == (Some(Duration::from_secs(3600)), true);
        match grant.origin {
            Origin::Minted if asks && token.as_deref() == Some(TOKEN.as_bytes()) && said => Ok(grant),
            Origin::Supplied if !asks && token.is_some() => Ok(grant),
            Origin::Absent if !asks && token.is_none() => Ok(grant),
            _ => Err(format!("the grant is not what the server said: {grant:?}")),
        }
    }

    /// How a login fails that must.
    async fn fails(&self, server: &ScriptedServer, kinds: &[ErrorKind]) -> Result<Error, String> {
        let Err(error) = self.fixture.login().login(server).await else {
            return Err("a login instead of an error".into());
        };
        let said = format!("{error:?}");
        self.hides("the error", &said)?;
        if kinds.contains(&error.kind()) { Ok(error) } else { Err(format!("{said} instead of {kinds:?}")) }
    }

    fn hides(&self, what: &str, text: &str) -> Verdict {
        let secrets = self.fixture.secrets();
        let shown = secrets.iter().map(String::as_str).chain([TOKEN]).any(|secret| text.contains(secret));
        if shown { Err(format!("{what} shows a credential")) } else { Ok(()) }
    }
}

async fn good(bench: Arc<Bench>) -> Verdict {
    let server = bench.server();
    bench.logs_in(&*bench.fixture.login(), &server).await?;
    let calls = server.calls().len();
    if (calls > 0) == bench.fixture.capabilities().asks { Ok(()) } else { Err(format!("{calls} calls")) }
}

async fn cancelled(bench: Arc<Bench>) -> Verdict {
    let login = bench.fixture.login();
    let silent = ScriptedServer::new(|_| Reply::Silence);
    if tokio::time::timeout(Duration::from_millis(50), login.login(&silent)).await.is_ok() {
        return Err("a login without an answer".into());
    }
    bench.logs_in(&*login, &bench.server()).await.map(drop)
}

async fn identity(bench: Arc<Bench>) -> Verdict {
    let login = bench.fixture.login();
    if login.identity() != login.identity() || login.identity() != bench.fixture.login().identity() {
        return Err("two equal logins have two identities".into());
    }
    if login.name().is_empty() {
        return Err("it has no name".into());
    }
    match bench.fixture.another() {
        Some(another) if another.identity() == login.identity() => Err("two logins have one identity".into()),
        _ => Ok(()),
    }
}

async fn examined(bench: Arc<Bench>) -> Verdict {
    let (login, server) = (bench.fixture.login(), bench.server());
    for _ in 0..2 {
        login.examine(&server).await.map_err(|error| format!("{error:?}"))?;
    }
    match server.calls().iter().find(|call| call.replay == Replay::Never) {
        Some(call) => Err(format!("it spends something: {call:?}")),
        None => bench.logs_in(&*login, &server).await.map(drop),
    }
}

async fn afresh(bench: Arc<Bench>) -> Verdict {
    let (login, server) = (bench.fixture.login(), bench.server());
    bench.logs_in(&*login, &server).await?;
    bench.fixture.change().await;
    bench.logs_in(&*login, &server).await.map(drop)
}

async fn noticed(bench: Arc<Bench>) -> Verdict {
    let (login, server) = (bench.fixture.login(), bench.server());
    bench.logs_in(&*login, &server).await?;
    if tokio::time::timeout(Duration::from_millis(200), login.credential_changed()).await.is_ok() {
        return Err("a change is noticed where there was none".into());
    }
    bench.fixture.change().await;
    let noticed = tokio::time::timeout(Duration::from_secs(60), login.credential_changed()).await;
    noticed.map_err(|_| "the change was not noticed within a minute".into())
}

async fn refused(bench: Arc<Bench>) -> Verdict {
    bench.fixture.spoil().await;
    let server = bench.server();
    bench.fails(&server, &[ErrorKind::Unauthenticated]).await?;
    if server.calls().is_empty() { Err("nothing was sent, so nothing was refused".into()) } else { Ok(()) }
}

async fn lost(bench: Arc<Bench>) -> Verdict {
    bench.fixture.lose().await;
    let server = bench.server();
    bench.fails(&server, &[ErrorKind::Unauthenticated]).await?;
    match server.calls().first() {
        Some(call) => Err(format!("it was sent all the same: {call:?}")),
        None => Ok(()),
    }
}

async fn outage(bench: Arc<Bench>) -> Verdict {
    for (kind, wait) in [
        (ErrorKind::Unavailable, None),
        (ErrorKind::Timeout, None),
        (ErrorKind::Sealed, None),
        (ErrorKind::RateLimited, Some(Duration::from_secs(7))),
    ] {
        let error = Error::new(kind, "as the script says").transient();
        let error = wait.into_iter().fold(error, Error::with_retry_after);
        let server = ScriptedServer::new(move |_| Reply::Failed(error.clone()));
        let passed_on = bench.fails(&server, &[kind]).await?;
        if !passed_on.is_retryable() || passed_on.retry_after() != wait {
            return Err(format!("{passed_on:?}: that it may pass, or when, is lost"));
        }
    }
    Ok(())
}

async fn nonsense(bench: Arc<Bench>) -> Verdict {
    for text in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"auth":null}"#,
        r#"{"auth":[]}"#,
        r#"{"auth":{}}"#,
        r#"{"auth":{"client_token":""}}"#,
        r#"{"auth":{"client_token":7}}"#,
        r#"{"auth":{"client_token":"","mfa_requirement":{"mfa_request_id":"1"}}}"#,
        r#"{"data":{"token":"canary"}}"#,
        "<html>",
    ] {
        let server = ScriptedServer::new(move |_| Reply::Json(text.into()));
        let wrong = [ErrorKind::InvalidResponse, ErrorKind::Unauthenticated];
        bench.fails(&server, &wrong).await.map_err(|what| format!("to `{text}`: {what}"))?;
    }
    Ok(())
}

async fn silent(bench: Arc<Bench>) -> Verdict {
    let (login, server) = (bench.fixture.login(), bench.server());
    let grant = bench.logs_in(&*login, &server).await?;
    bench.hides("`Debug` of the login", &format!("{login:?} {login:#?}"))?;
    bench.hides("`Debug` of the grant", &format!("{grant:?} {:?}", login.identity()))?;
    bench.hides("the name", login.name())
}
