"""Whose domain an address is at: a company's own, or a provider's that anybody may have an address at."""

_PROVIDERS = """
gmail.com googlemail.com outlook.com outlook.de outlook.fr outlook.es outlook.it hotmail.com hotmail.co.uk
hotmail.de hotmail.fr hotmail.it hotmail.es live.com live.de live.fr live.nl live.co.uk msn.com yahoo.com
yahoo.co.uk yahoo.de yahoo.fr yahoo.es yahoo.it yahoo.co.jp yahoo.co.in yahoo.com.br ymail.com rocketmail.com
aol.com icloud.com me.com mac.com gmx.de gmx.net gmx.com gmx.at gmx.ch web.de t-online.de freenet.de arcor.de
mail.de posteo.de mailbox.org tutanota.com tuta.com tuta.io proton.me protonmail.com protonmail.ch pm.me
fastmail.com fastmail.fm hey.com zoho.com mail.com email.com usa.com mail.ru yandex.ru yandex.com bk.ru inbox.ru
list.ru rambler.ru ukr.net qq.com 163.com 126.com sina.com sohu.com foxmail.com naver.com daum.net hanmail.net
orange.fr wanadoo.fr free.fr laposte.net sfr.fr neuf.fr bbox.fr libero.it virgilio.it tiscali.it alice.it tin.it
ziggo.nl kpnmail.nl xs4all.nl planet.nl telenet.be skynet.be bluewin.ch hispeed.ch sunrise.ch chello.at aon.at
a1.net wp.pl o2.pl onet.pl interia.pl op.pl seznam.cz centrum.cz email.cz uol.com.br bol.com.br terra.com.br
rediffmail.com btinternet.com sky.com virginmedia.com ntlworld.com talktalk.net comcast.net verizon.net att.net
sbcglobal.net bellsouth.net cox.net charter.net earthlink.net shaw.ca rogers.com sympatico.ca bigpond.com
optusnet.com.au xtra.co.nz telia.com comhem.se bredband.net online.no sapo.pt abv.bg freemail.hu citromail.hu
"""
PROVIDERS = frozenset(_PROVIDERS.split())


def company_domain(address: str | None) -> str | None:
    """The domain of an address in lower case; None for a provider's, where neighbours are strangers."""
    domain = (address or "").rpartition("@")[2].lower()
    return domain if domain and domain not in PROVIDERS else None
