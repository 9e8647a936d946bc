//! What `get` and its like take: references, or text to parse as one.

use std::borrow::Cow;

use crate::{Error, Reference, escaped};

/// A reference, or text to parse as one.
pub trait ToReference: sealed::Sealed + Send {
    /// The reference.
    ///
    /// # Errors
    ///
    /// [`InvalidReference`](crate::ErrorKind::InvalidReference) where the text is none.
    fn to_reference(&self) -> Result<Cow<'_, Reference>, Error>;
}

mod sealed {
    #[expect(unnameable_types, reason = "that is what seals the trait")]
    pub trait Sealed {}
    impl Sealed for &str {}
    impl Sealed for &String {}
    impl Sealed for String {}
    impl Sealed for crate::Reference {}
    impl Sealed for &crate::Reference {}
}

fn parsed(text: &str) -> Result<Cow<'static, Reference>, Error> {
    Reference::parse(text)
        .map(Cow::Owned)
        .map_err(|error| Error::from(error).context(format!("could not resolve {}", escaped(text))))
}

impl ToReference for &str {
    fn to_reference(&self) -> Result<Cow<'_, Reference>, Error> {
        parsed(self)
    }
}

impl ToReference for &String {
    fn to_reference(&self) -> Result<Cow<'_, Reference>, Error> {
        parsed(self)
    }
}

impl ToReference for String {
    fn to_reference(&self) -> Result<Cow<'_, Reference>, Error> {
        parsed(self)
    }
}

impl ToReference for Reference {
    fn to_reference(&self) -> Result<Cow<'_, Reference>, Error> {
        Ok(Cow::Borrowed(self))
    }
}

impl ToReference for &Reference {
    fn to_reference(&self) -> Result<Cow<'_, Reference>, Error> {
        Ok(Cow::Borrowed(self))
    }
}
