pub mod draw;
mod figures;
mod growth;
mod marks;
