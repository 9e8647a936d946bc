//! Where a field stands in a document: `services[2].auth.password`.

use std::fmt;

use crate::escaped;

/// The way to a field from the root of its document. Shown as `services[2].auth.password`; a key that would be
/// misread stands in brackets and quotes, `labels["a.b"]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FieldPath(Vec<Step>);

/// One step of a [`FieldPath`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Into a mapping, by its key.
    Key(String),
    /// Into a list, counted from 0.
    Index(usize),
}

impl FieldPath {
    /// The root of the document.
    #[must_use]
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// The steps from the root.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The path of a field of this one.
    #[must_use]
    pub fn join(&self, step: Step) -> Self {
        let mut path = self.clone();
        path.push(step);
        path
    }

    pub(crate) fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }

    /// The whole document has no name of its own.
    pub(crate) fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Step> for FieldPath {
    fn from_iter<I: IntoIterator<Item = Step>>(steps: I) -> Self {
        Self(steps.into_iter().collect())
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str("the document");
        }
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if is_plain(key) => {
                    write!(f, "{}{key}", if at == 0 { "" } else { "." })?;
                }
                Step::Key(key) => write!(f, "[\"{}\"]", escaped(key))?,
            }
        }
        Ok(())
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

/// A path while it is walked: each level knows the one above.
#[derive(Clone, Copy, Debug)]
pub(super) enum At<'a> {
    Root,
    Key(&'a Self, &'a str),
    Index(&'a Self, usize),
}

impl At<'_> {
    pub(super) fn to_path(self) -> FieldPath {
        let mut steps = Vec::new();
        let mut at = &self;
        loop {
            let above = match at {
                At::Root => break,
                At::Key(above, key) => {
                    steps.push(Step::Key((*key).to_owned()));
                    above
                }
                At::Index(above, index) => {
                    steps.push(Step::Index(*index));
                    above
                }
            };
            at = above;
        }
        steps.reverse();
        FieldPath(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_as_people_write_them() {
        let root = At::Root;
        let services = At::Key(&root, "services");
        let second = At::Index(&services, 2);
        let auth = At::Key(&second, "auth");
        assert_eq!(At::Key(&auth, "password").to_path().to_string(), "services[2].auth.password");
        assert_eq!(At::Key(&root, "a.b").to_path().join(Step::Key("c".into())).to_string(), r#"["a.b"].c"#);
        assert_eq!(At::Key(&root, "\u{1b}").to_path().to_string(), r#"["\u{1b}"]"#);
        assert_eq!(FieldPath::root().to_string(), "the document");
    }
}
