"""The door, run anew whenever a visitor changes something: navigation, sidebar, page. No computing."""

from pages.common.app.address import notices
from pages.common.app.errors import sentences
from pages.common.app.history import keep_history
from pages.common.app.looks import looks
from pages.common.app.navigation import has_sidebar, navigation, opened
from pages.common.sidebar.selection import sidebar

opened()
page = navigation()
looks()
keep_history()
notices(page.url_path)
if has_sidebar(page):
    sidebar()
with sentences():
    page.run()
