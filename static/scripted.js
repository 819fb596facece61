// Before anything is drawn, so that what only a script can do is there from the start and nothing has to move for it.
document.documentElement.classList.add("scripted");
