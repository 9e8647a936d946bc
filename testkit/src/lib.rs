//! What every Strongroom backend and login must do, as a suite that anyone can run.
