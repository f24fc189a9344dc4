//! The shader tree, without a device: what each file says of itself, that what it says of its loops is true, and that every
//! variant is valid and translates to the languages of all backends.

#[path = "shaders/header.rs"]
mod header;
#[path = "shaders/loops.rs"]
mod loops;
#[path = "shaders/translate.rs"]
mod translate;
#[path = "shaders/tree.rs"]
mod tree;
#[path = "shaders/variants.rs"]
mod variants;
