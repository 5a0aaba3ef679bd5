//! refreshtop keeps a PostgreSQL materialized view fresh and shows in the terminal how that goes.
//!
//! Three worlds never import each other: [`db`] knows no screen, [`model`] knows neither, [`screen`] knows no
//! database. [`runtime`] joins them.

pub mod model;
pub mod screen;
