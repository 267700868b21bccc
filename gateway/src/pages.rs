//! Pages for people and what belongs to them: the room of server-rendered pages (`html`, `form`, `error_page`, templates in
//! `gateway/templates`), the API's description and its reader, stylesheets.

mod description;
pub mod error_page;
pub mod form;
pub mod html;
mod static_files;

pub use description::Pages;

/// The routes of every page that needs no session.
pub fn routes(pages: Pages) -> axum::Router {
    description::routes(pages).merge(static_files::routes())
}
