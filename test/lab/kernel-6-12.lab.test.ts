import { tellCoreStory } from './story.ts';

tellCoreStory('the core story on Linux 6.12', { name: 'kernel-6-12', nodes: 2, kernel: '6.12' });
