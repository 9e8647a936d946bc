//! What a configuration field is called, what it may hold, and what it means.

/// One field of a backend's or a login's configuration. The same table reads a configuration, checks it for
/// unknown names and becomes its JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// The name as configuration files write it.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What it may hold.
    pub shape: Shape,
    /// What it means when not set.
    pub default: Option<&'static str>,
    /// One sentence for people: meaning and unit.
    pub doc: &'static str,
    /// Whether this is a field that others know and we do not implement: it may only be absent or stand at its
    /// default.
    pub unbuilt: bool,
}

/// What a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// Text as it stands.
    Text,
    /// Text that is a credential. It is kept in memory that is wiped.
    Credential,
    /// A whole number within these bounds, both included.
    Integer(u64, u64),
    /// Seconds, fractions allowed.
    Seconds,
    /// `true` or `false`.
    Flag,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of texts, or one text with commas.
    List,
}

impl Field {
    /// A field that is not set by default.
    #[must_use]
    pub const fn new(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, aliases: &[], shape, default: None, doc, unbuilt: false }
    }

    /// Adds other names.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Adds what it means when not set.
    #[must_use]
    pub const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// A field that others know and we do not implement.
    #[must_use]
    pub const fn unbuilt(name: &'static str, doc: &'static str) -> Self {
        let mut field = Self::new(name, Shape::Text, doc);
        field.unbuilt = true;
        field
    }

    /// Whether `name` is this field's name or one of its other names.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}
