//! What `get` and its like take: references, or text to parse as one.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::Write as _;

use crate::{Error, Reference, escaped};

/// A reference, or text to parse as one.
pub trait ToReference: sealed::Sealed + Send {
    /// The reference.
    ///
    /// # Errors
    ///
    /// [`InvalidReference`](crate::ErrorKind::InvalidReference) where the text is none.
    fn to_reference(&self) -> Result<Cow<'_, Reference>, Error>;

    /// Calls `look` with the reference's text, as it was written where that is known.
    fn with_text<R>(&self, look: impl FnOnce(&str) -> R) -> R;
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

/// Writes a reference into a buffer that the thread keeps, so that looking one up allocates nothing.
fn with_canonical_text<R>(reference: &Reference, look: impl FnOnce(&str) -> R) -> R {
    thread_local! {
        static BUFFER: Cell<String> = const { Cell::new(String::new()) };
    }
    let mut text = BUFFER.try_with(Cell::take).unwrap_or_default();
    text.clear();
    // Writing to a string does not fail.
    let _ = write!(text, "{reference}");
    let result = look(&text);
    let _ = BUFFER.try_with(|buffer| buffer.set(text));
    result
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

    fn with_text<R>(&self, look: impl FnOnce(&str) -> R) -> R {
        look(self)
    }
}

impl ToReference for &String {
    fn to_reference(&self) -> Result<Cow<'_, Reference>, Error> {
        parsed(self)
    }

    fn with_text<R>(&self, look: impl FnOnce(&str) -> R) -> R {
        look(self)
    }
}

impl ToReference for String {
    fn to_reference(&self) -> Result<Cow<'_, Reference>, Error> {
        parsed(self)
    }

    fn with_text<R>(&self, look: impl FnOnce(&str) -> R) -> R {
        look(self)
    }
}

impl ToReference for Reference {
    fn to_reference(&self) -> Result<Cow<'_, Reference>, Error> {
        Ok(Cow::Borrowed(self))
    }

    fn with_text<R>(&self, look: impl FnOnce(&str) -> R) -> R {
        with_canonical_text(self, look)
    }
}

impl ToReference for &Reference {
    fn to_reference(&self) -> Result<Cow<'_, Reference>, Error> {
        Ok(Cow::Borrowed(self))
    }

    fn with_text<R>(&self, look: impl FnOnce(&str) -> R) -> R {
        with_canonical_text(self, look)
    }
}
