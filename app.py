"""The door: navigation, sidebar, page. No computing."""

import explainers as ex
from pages.common.app.caches import warm_up
from pages.common.app.errors import sentences
from pages.common.app.navigation import navigation, opened
from pages.common.sidebar.selection import sidebar

ex.configure_process()
opened()
page = navigation()
warm_up()
sidebar()
with sentences():
    page.run()
