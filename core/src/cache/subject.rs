//! What a slot is read by.

use std::num::NonZeroU64;

use crate::ReadRequest;

/// A [`ReadRequest`] as a slot keeps it: most have neither version nor options.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Subject {
    resource: Box<str>,
    rest: Option<Box<Rest>>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Rest {
    version: Option<NonZeroU64>,
    options: Box<[(String, String)]>,
}

impl Subject {
    pub(crate) fn resource(&self) -> &str {
        &self.resource
    }

    /// The version that references ask for; none for the current one.
    pub(crate) fn version(&self) -> Option<NonZeroU64> {
        self.rest.as_ref().and_then(|rest| rest.version)
    }

    /// The resource, if nothing but its current version is asked for.
    pub(crate) fn plain(&self) -> Option<&str> {
        self.rest.is_none().then_some(&self.resource)
    }

    pub(crate) fn request(&self) -> ReadRequest {
        let mut request = ReadRequest::new(&*self.resource);
        if let Some(rest) = &self.rest {
            request.version = rest.version;
            request.options.clone_from(&rest.options);
        }
        request
    }
}

impl From<ReadRequest> for Subject {
    fn from(ReadRequest { resource, version, options }: ReadRequest) -> Self {
        let plain = version.is_none() && options.is_empty();
        Self { resource, rest: (!plain).then(|| Box::new(Rest { version, options })) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_comes_back() {
        let plain = ReadRequest::new("a/b");
        let versioned = plain.clone().with_version(NonZeroU64::new(3));
        for request in [plain.with_option("prefix", "x"), versioned] {
            assert_eq!(Subject::from(request.clone()).request(), request);
        }
    }
}
