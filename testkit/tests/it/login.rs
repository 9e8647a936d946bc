//! Logins that do one thing wrong.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use strongroom_core::{
    AuthMethod, Error, ErrorKind, Grant, Identity, LoginCall, LoginServer, Origin, Secret,
};
use strongroom_testkit::{Call, LoginCapabilities, LoginFixture, Reply, run_login};

use super::failed;

/// What a login may do wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    KeepsItsCredential,
    ShowsItInErrors,
    ShowsItInDebug,
    TakesAnything,
    ForgetsThatItMayPass,
    HasOneIdentity,
    SendsNothingAsSomething,
    NoticesWhatWasNot,
    SpendsOnExamining,
    LosesTheLease,
}

/// A password that may change.
type Password = Arc<Mutex<Option<String>>>;

struct Login {
    fault: Fault,
    user: &'static str,
    password: Password,
    first: Mutex<Option<String>>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = format!("{:?}", self.password.lock().unwrap());
        f.write_str(if self.fault == Fault::ShowsItInDebug { &shown } else { "Login" })
    }
}

#[async_trait]
impl AuthMethod for Login {
    fn name(&self) -> &'static str {
        "password"
    }
    fn identity(&self) -> Identity {
        let user = if self.fault == Fault::HasOneIdentity { "" } else { self.user };
        Identity::new("password", &[user.as_bytes()])
    }
    async fn login(&self, server: &dyn LoginServer) -> Result<Grant, Error> {
        let present = self.password.lock().unwrap().clone();
        let first = self.first.lock().unwrap().get_or_insert(present.clone().unwrap_or_default()).clone();
        let password = match (self.fault, present) {
            (Fault::KeepsItsCredential, _) => first,
            (Fault::SendsNothingAsSomething, None) => String::new(),
            (_, Some(password)) => password,
            (_, None) => return Err(Error::new(ErrorKind::Unauthenticated, "there is no password")),
        };
        let call =
            LoginCall::new("auth/password/login").field("user", self.user).field("password", &password);
        let answer = server.call(call).await.map_err(|error| {
            let error = match error.status() {
                Some(_) => error.with_kind(ErrorKind::Unauthenticated),
                None => error,
            };
            match self.fault {
                Fault::ShowsItInErrors => error.note(&password),
                Fault::ForgetsThatItMayPass => error.lasting(),
                _ => error,
            }
        })?;
        if self.fault == Fault::TakesAnything && answer.text("/auth/client_token").is_none() {
            let mut grant = Grant::supplied(Secret::from("guest"));
            grant.origin = Origin::Minted;
            return Ok(grant);
        }
        let mut grant = Grant::from_answer(&answer)?;
        if self.fault == Fault::LosesTheLease {
            grant.lease = None;
        }
        Ok(grant)
    }
    async fn examine(&self, server: &dyn LoginServer) -> Result<bool, Error> {
        if self.fault == Fault::SpendsOnExamining {
            server.call(LoginCall::new("sys/wrapping/unwrap").never_repeat()).await?;
        }
        Ok(true)
    }
    async fn credential_changed(&self) {
        let seen = self.first.lock().unwrap().clone();
        while self.fault != Fault::NoticesWhatWasNot && *self.password.lock().unwrap() == seen {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[derive(Debug)]
struct Passwords {
    fault: Fault,
    present: Password,
    spoiled: Mutex<bool>,
    all: Mutex<Vec<String>>,
}

impl Passwords {
    fn put(&self, spoiled: bool) {
        let mut all = self.all.lock().unwrap();
        let next = format!("hunter{}", all.len() + 2);
        all.push(next);
        *self.present.lock().unwrap() = all.last().cloned();
        *self.spoiled.lock().unwrap() = spoiled;
    }

    fn as_user(&self, user: &'static str) -> Arc<dyn AuthMethod> {
        Arc::new(Login { fault: self.fault, user, password: self.present.clone(), first: Mutex::default() })
    }
}

#[async_trait]
impl LoginFixture for Passwords {
    fn login(&self) -> Arc<dyn AuthMethod> {
        self.as_user("one")
    }
    fn another(&self) -> Option<Arc<dyn AuthMethod>> {
        Some(self.as_user("two"))
    }
    fn capabilities(&self) -> LoginCapabilities {
        LoginCapabilities::all()
    }
    fn secrets(&self) -> Vec<String> {
        self.all.lock().unwrap().clone()
    }
    fn judge(&self, call: &Call) -> Reply {
        let good = call.field("password") == self.present.lock().unwrap().as_deref();
        if call.to == "sys/wrapping/unwrap" || (good && !*self.spoiled.lock().unwrap()) {
            Reply::Granted
        } else {
            Reply::Refused(400)
        }
    }
    async fn change(&self) {
        self.put(false);
    }
    async fn spoil(&self) {
        self.put(true);
    }
    async fn lose(&self) {
        *self.present.lock().unwrap() = None;
    }
}

async fn trial(fault: Fault) -> Vec<&'static str> {
    let report = run_login(Passwords {
        fault,
        present: Password::default(),
        spoiled: Mutex::default(),
        all: Mutex::default(),
    });
    failed(&report.await)
}

#[tokio::test]
async fn what_conforms_passes_and_each_fault_is_caught_by_name() {
    assert!(trial(Fault::None).await.is_empty());
    for (fault, name) in [
        (Fault::KeepsItsCredential, "a changed credential is used at the next login"),
        (Fault::ShowsItInErrors, "a refused credential is unauthenticated"),
        (Fault::ShowsItInDebug, "nothing shows a credential"),
        (Fault::TakesAnything, "an answer that makes no sense is an error"),
        (Fault::ForgetsThatItMayPass, "an outage is passed on as it is"),
        (Fault::HasOneIdentity, "equal logins are equal and others are not"),
        (Fault::SendsNothingAsSomething, "without a credential nothing is sent"),
        (Fault::NoticesWhatWasNot, "a change is noticed, and nothing else is"),
        (Fault::SpendsOnExamining, "examining spends nothing"),
        (Fault::LosesTheLease, "a good credential logs in"),
    ] {
        let failed = trial(fault).await;
        assert!(failed.contains(&name), "{fault:?}: {failed:?}");
    }
}
