# SPDX-License-Identifier: ISC
"""Test cases that share a laboratory per class: set `domains` and `settings`, change zones and sites in
`prepare` before all is started."""
import os
import subprocess
import unittest

from farside import FarSide
from lab import Lab, need_lab
from testsite import CARTEIRO, until

SETTINGS = {'queue': {'retry_first': '200ms', 'retry_max': '1s'}}


def blocks(report):
    """Of its message/delivery-status: the first is about the message, then one per recipient."""
    (part,) = [part for part in report.walk() if part.get_content_type() == 'message/delivery-status']
    return part.get_payload()


class LabTest(unittest.TestCase):
    domains = ('example.test', 'example.org')
    settings = {}
    lab_options = {}

    @classmethod
    def prepare(cls):
        """Before all is started."""

    @classmethod
    def setUpClass(cls):
        need_lab()
        cls.lab = Lab(**cls.lab_options)
        cls.far = []
        try:
            for domain in cls.domains:
                site = cls.lab.add(domain, settings=SETTINGS)
                for section, values in cls.settings.items():
                    site.set(section, **values)
            cls.here = cls.lab[cls.domains[0]]
            cls.prepare()
            cls.lab.start()
        except BaseException:
            cls.end(cls.lab.drop)
            raise

    @classmethod
    def tearDownClass(cls):
        cls.end(cls.lab.stop)

    @classmethod
    def end(cls, end_lab):
        try:
            for far in cls.far:
                far.stop()
        finally:
            if os.environ.get('LAB_LOGS'):
                print(cls.lab.logs(1 << 24))
            end_lab()

    @classmethod
    def far_side(cls, domain, behaviour='well', preference=10, name='mail', **options):
        """A server played by the test, MX of that domain."""
        address = cls.lab.address()
        cls.lab.host(domain, address, preference, name)
        far = FarSide(address, cls.lab.smtp_port, behaviour=behaviour, **options)
        cls.far.append(far)
        return far

    def story(self, message_id, site=None):
        site = site or self.here
        return subprocess.run([CARTEIRO, '--config', str(site.config), 'trace', message_id],
                              capture_output=True, text=True, check=True, timeout=60).stdout

    def report(self, message_id, action='failed', status=None, site=None, user='ana'):
        """The report about that mail, whose form and answer are what they must be; its recipients' blocks."""
        site = site or self.here
        report = site.wait_for_report(user, message_id)
        self.assertEqual(report.get_content_type(), 'multipart/report')
        self.assertEqual(report.get_param('report-type'), 'delivery-status')
        self.assertEqual(report['Return-Path'], '<>')
        self.assertEqual(report['To'].addresses[0].addr_spec, f'{user}@{site.domain}')
        human, status_part, back = report.get_payload()
        self.assertEqual(human.get_content_type(), 'text/plain')
        self.assertIn(back.get_content_type(), ('message/rfc822', 'text/rfc822-headers', 'message/global'))
        about, *recipients = status_part.get_payload()
        self.assertEqual(about['Reporting-MTA'], f'dns; mail.{site.domain}')
        self.assertTrue(recipients)
        for block in recipients:
            self.assertEqual(block['Action'], action, report)
            if status:
                self.assertEqual(block['Status'], status, report)
        return recipients

    def queue_is_empty(self, site=None):
        """Once it is."""
        site = site or self.here
        until(lambda: not site.run('queue', 'list').strip().splitlines()[1:], 'the queue is empty')
