//! The mails that the system sends: subjects, HTML and text.
//!
//! The templates are in `templates/`. HTML and text say the same. Styles are inline, because mail clients drop style
//! sheets; no image is needed, and no colour is set where a reader's dark mode would set another one.

mod notices;
mod plain_text;
mod renderer;

pub use renderer::{RenderError, Rendered, Renderer, examples};
