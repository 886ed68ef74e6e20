//! Macros for the two kinds of values that are texts in the database, in JSON and in URLs: ids and enums.

/// A word that is none of an enum's values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{word}\" is not a {what}; it is one of {allowed}")]
pub struct UnknownWord {
    pub what: &'static str,
    pub word: String,
    pub allowed: String,
}

/// Defines an enum whose values have one text form everywhere (oVirt's REST word), with `ALL`, `as_str`, `Display`, `FromStr`, serde and
/// the diesel markers for a Text column.
macro_rules! text_enum { (
    $(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }
) => {
    $(#[$doc])*
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)]
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub enum $name { $($(#[$vdoc])* $variant,)+ }

    impl $name {
        /// Every value, in declaration order.
        pub const ALL: &'static [$name] = &[$($name::$variant),+];
        /// The word used in the database, the API and URLs.
        pub const fn as_str(self) -> &'static str { match self { $($name::$variant => $text,)+ } }
    }
    impl std::fmt::Display for $name {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
    }
    impl std::str::FromStr for $name {
        type Err = $crate::model::text::UnknownWord;
        fn from_str(word: &str) -> Result<Self, Self::Err> {
            match word {
                $($text => Ok($name::$variant),)+
                _ => Err($crate::model::text::UnknownWord {
                    what: stringify!($name), word: word.chars().take(64).collect(), allowed: [$($text),+].join(", "),
                }),
            }
        }
    }
    impl serde::Serialize for $name {
        fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.serialize_str(self.as_str()) }
    }
    impl<'de> serde::Deserialize<'de> for $name {
        fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            <std::borrow::Cow<'_, str>>::deserialize(d)?.parse().map_err(serde::de::Error::custom)
        }
    }
} }

/// Defines newtypes over a UUID.
macro_rules! ids { ($($(#[$doc:meta])* $name:ident,)+) => { $(
    $(#[$doc])*
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)]
    #[diesel(sql_type = diesel::sql_types::Text)]
    #[serde(transparent)]
    pub struct $name(pub uuid::Uuid);
    impl $name {
        /// A fresh random id.
        pub fn random() -> Self { Self(uuid::Uuid::new_v4()) }
        /// A fixed id, e.g. one of oVirt's.
        pub const fn fixed(value: u128) -> Self { Self(uuid::Uuid::from_u128(value)) }
        /// The id as an object of the permission tree or a lock.
        pub const fn object(self) -> $crate::model::ids::ObjectId { $crate::model::ids::ObjectId(self.0) }
    }
    impl std::fmt::Display for $name {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.hyphenated().fmt(f) }
    }
    impl std::str::FromStr for $name {
        type Err = uuid::Error;
        fn from_str(text: &str) -> Result<Self, uuid::Error> { uuid::Uuid::parse_str(text).map(Self) }
    }
)+ } }
