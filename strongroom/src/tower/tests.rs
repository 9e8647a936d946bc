//! The layer around services that tell what reached them.

use std::convert::Infallible;
use std::sync::Mutex;
use std::time::Duration;

use http::{HeaderValue, Response, StatusCode};
use tower::{BoxError, ServiceBuilder, ServiceExt as _, service_fn};

use super::*;
use crate::http::ToHeaderValue;
use crate::logs::Logs;
use crate::{ErrorKind, MemoryVault, Registry, Vault};

const TOKEN: &str = "{vault://my-vault/customer/acme/token}";
const KEY: HeaderName = HeaderName::from_static("x-api-key");

fn vault() -> (Arc<MemoryVault>, Registry) {
    let vault = Arc::new(MemoryVault::new());
    set(&vault, "canary-1");
    let registry = Registry::builder().vault("my-vault", Vault::shared(vault.clone())).build().unwrap();
    (vault, registry)
}

fn set(vault: &MemoryVault, token: &str) {
    vault.set("customer/acme", &format!(r#"{{"user": "{token}", "token": "{token}"}}"#)).unwrap();
}

/// What reached the upstream: the values of both headers.
#[derive(Clone, Default)]
struct Upstream(Arc<Mutex<Vec<[Option<HeaderValue>; 2]>>>);

impl Upstream {
    fn answer(&self, request: &Request<()>) -> Response<String> {
        let seen = [AUTHORIZATION, KEY].map(|name| {
            assert!(request.headers().get_all(&name).iter().count() <= 1);
            request.headers().get(name).cloned()
        });
        self.0.lock().unwrap().push(seen);
        Response::new("from upstream".to_owned())
    }

    fn service(
        &self,
    ) -> impl Service<Request<()>, Response = Response<String>, Error = Infallible> + Clone + use<> {
        let upstream = self.clone();
        service_fn(move |request: Request<()>| std::future::ready(Ok(upstream.answer(&request))))
    }

    fn take(&self) -> Vec<[Option<HeaderValue>; 2]> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[tokio::test]
async fn each_request_has_the_value_of_its_moment() {
    let (vault, registry) = vault();
    let upstream = Upstream::default();
    let layer = SecretHeadersLayer::new()
        .bearer(registry.watch(TOKEN).await.unwrap())
        .header(KEY, registry.watch(TOKEN).await.unwrap());
    // As routers want it.
    fn routable<T: Clone + Send + Sync + 'static>(layer: T) -> T {
        layer
    }
    let service = ServiceBuilder::new().layer(routable(layer)).service(upstream.service());
    for n in 1..4 {
        set(&vault, &format!("canary-{n}"));
        registry.refresh(TOKEN).await.unwrap();
        // What the client brings is not passed on, not even beside ours.
        let mut request = Request::new(());
        request.headers_mut().append(KEY, HeaderValue::from_static("forged"));
        request.headers_mut().append(KEY, HeaderValue::from_static("forged too"));
        assert_eq!(service.clone().oneshot(request).await.unwrap().body(), "from upstream");
        let seen = upstream.take();
        let [bearer, key] = seen[0].each_ref().map(|value| value.as_ref().unwrap());
        assert_eq!(bearer, &*format!("Bearer canary-{n}"));
        assert_eq!(key, &*format!("canary-{n}"));
        assert!(bearer.is_sensitive() && key.is_sensitive());
    }
}

#[tokio::test]
async fn without_a_value_nothing_is_passed_on() {
    let (vault, registry) = vault();
    let upstream = Upstream::default();
    let layer = SecretHeadersLayer::new().bearer(registry.watch(TOKEN).await.unwrap());
    let service = layer.layer(upstream.service());
    let ask = async || service.clone().oneshot(Request::new(())).await.unwrap();
    assert_eq!(ask().await.status(), StatusCode::OK);
    let logs = Logs::default();
    let collecting = logs.collect();

    set(&vault, "no header\\n");
    registry.refresh(TOKEN).await.unwrap();
    for _ in 0..3 {
        assert_eq!(ask().await.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    let refused = ask().await;
    assert_eq!((refused.status(), refused.body().as_str()), (StatusCode::SERVICE_UNAVAILABLE, ""));
    let error = refused.extensions().get::<Error>().unwrap();
    let said = format!("{error:?}");
    assert!(
        said.contains("could not send {vault://my-vault/customer/acme/token} in the header `authorization`")
    );
    assert!(said.contains("line break") && !said.contains("no header\n"), "{said}");

    set(&vault, "canary-2");
    registry.refresh(TOKEN).await.unwrap();
    assert_eq!(ask().await.status(), StatusCode::OK);
    drop(collecting);
    let lines = ["requests are refused", "requests are passed on again"];
    assert_eq!(lines.map(|line| logs.count(line)), [1, 1], "{}", logs.text());
    assert!(!logs.text().contains("canary") && !logs.text().contains("no header"), "{}", logs.text());
    registry.remove("my-vault").await.unwrap();
    let refused = ask().await;
    assert_eq!(refused.extensions().get::<Error>().unwrap().kind(), ErrorKind::Closed);
    assert_eq!(upstream.take().len(), 2, "what was refused did not reach it");
}

#[tokio::test]
async fn a_refusal_is_an_answer_or_an_error_as_one_likes() {
    let (_, registry) = vault();
    let live = registry.watch(TOKEN).await.unwrap();
    registry.shutdown().await;
    let never = service_fn(async |_: Request<()>| -> Result<&'static str, BoxError> { unreachable!() });

    let as_error = SecretHeadersLayer::new().bearer(live.clone()).refuse_with(AsError);
    let error = as_error.layer(never).oneshot(Request::new(())).await.unwrap_err();
    assert_eq!(error.downcast_ref::<Error>().unwrap().kind(), ErrorKind::Closed);

    let mine = SecretHeadersLayer::new().bearer(live).refuse_with(|error: Error| Ok(error.kind().as_str()));
    assert_eq!(mine.layer(never).oneshot(Request::new(())).await.unwrap(), "closed");
}

#[tokio::test]
async fn headers_that_belong_together_come_from_one_document() {
    let (vault, registry) = vault();
    let document = registry.watch_document("{vault://my-vault/customer/acme/}").await.unwrap();
    let upstream = Upstream::default();
    let layer = SecretHeadersLayer::new().with(move |headers| {
        let now = document.current()?;
        headers.insert(AUTHORIZATION, now.get("user")?.to_header_value()?);
        headers.insert(KEY, now.get("token")?.to_header_value()?);
        Ok(())
    });
    let whole = registry.watch_document("{vault://my-vault/customer/acme/}").await.unwrap();
    let of_a_pair = SecretHeadersLayer::new().basic(whole, "user", "token");
    let service = layer.layer(upstream.service());
    let basic = of_a_pair.layer(upstream.service());
    basic.oneshot(Request::new(())).await.unwrap();
    // canary-1:canary-1
    assert_eq!(upstream.take()[0][0].as_ref().unwrap(), "Basic Y2FuYXJ5LTE6Y2FuYXJ5LTE=");
    let requests = async {
        for _ in 0..200 {
            service.clone().oneshot(Request::new(())).await.unwrap();
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
    };
    let rotations = async {
        for n in 0..20 {
            set(&vault, &format!("canary-{n}"));
            registry.refresh(TOKEN).await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::join!(requests, rotations);
    let seen = upstream.take();
    assert!(seen.iter().all(|[user, token]| user.is_some() && user == token));
    assert!(seen.iter().any(|pair| pair != &seen[0]), "there was a rotation");
}
