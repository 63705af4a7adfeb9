"""The door: navigation, sidebar, page. No computing."""

from pages.common.errors import sentences
from pages.common.navigation import navigation, opened
from pages.common.selection import sidebar
from pages.common.shelves import warm_up

opened()
page = navigation()
warm_up()
sidebar()
with sentences():
    page.run()
